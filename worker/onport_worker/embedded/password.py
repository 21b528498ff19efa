"""The broker's password: made once per directory, readable by its owner only."""

import os
import secrets
from pathlib import Path

_NAME = "password"


def keep_password(directory: Path) -> str:
    """Return the directory's password, making one the first time.

    The caller holds the directory's lock: two makers would each know another one.
    """
    path = directory / _NAME
    if path.exists() and (kept := read_password(directory)):
        path.chmod(0o600)
        return kept
    # Written aside and renamed: a crash in between must not leave half a password for ever.
    fresh = directory / f"{_NAME}.new"
    fresh.unlink(missing_ok=True)
    password = secrets.token_hex(16)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    fresh.replace(path)
    return password


def read_password(directory: Path) -> str:
    """Return the password kept in the directory."""
    return (directory / _NAME).read_text().strip()
