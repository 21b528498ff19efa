"""The page's token that `up` makes: once per data folder, readable by its owner only."""

import os
import secrets
from pathlib import Path

from onport_queue.errors import SettingsError

NAME = "page-token"


def kept_token(home: Path) -> str:
    """Return the folder's token, making one the first time.

    Raises:
        SettingsError: it can't be read or written.
    """
    path = home / NAME
    try:
        if kept := _read(path):
            return kept
        fresh = home / f"{NAME}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
        try:
            # Whole from the first moment; of two that start at once both get the first one's.
            path.hardlink_to(fresh)
        except FileExistsError:
            if not _read(path):
                fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        return _read(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: can't be read or written: {error.strerror}; or set ONPORT_RELAY_PAGE_TOKEN"
        ) from error


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    path.chmod(0o600)
    return path.read_text().strip()
