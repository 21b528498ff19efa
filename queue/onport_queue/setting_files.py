"""Settings from files of their own, as orchestrators mount secrets: ONPORT_RELAY_<NAME>_FILE."""

from collections.abc import Collection, Mapping
from pathlib import Path

_SUFFIX = "_FILE"


def with_files_read(
    environment: Mapping[str, str], prefix: str, settings: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the environment with what files hold in the place of the variables that name them.

    Args:
        environment: variables, e.g. ONPORT_RELAY_CHANNELS__UK__WEBHOOK_HASH_FILE.
        prefix: of the relay's variables, in capitals.
        settings: the names of all settings; other variables are none of ours.

    Returns:
        The variables; and the faults, a line each.
    """
    read = dict(environment)
    faults: list[str] = []
    for name, file in environment.items():
        variable = name.upper().removesuffix(_SUFFIX)
        place = variable.removeprefix(prefix).lower().replace("__", ".")
        is_ours = variable.startswith(prefix) and variable != name.upper()
        if not is_ours or place.split(".")[0] not in settings:
            continue
        del read[name]
        if not file:
            continue
        if environment.get(variable):
            faults.append(f"{place}: {variable} and {name} are both set; expected one of them")
            continue
        try:
            read[variable] = _line_in(Path(file))
        except ValueError as error:
            faults.append(f"{place}: {name} names {file}, which {error}")
    return read, faults


def _line_in(file: Path) -> str:
    try:
        text = file.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Its own text would show what the file holds.
        raise ValueError("is not text in UTF-8") from None
    if not text.strip():
        raise ValueError("is empty; expected the value, on one line")
    if len(text.splitlines()) > 1:
        raise ValueError("has more than one line; expected the value, on one line")
    return text
