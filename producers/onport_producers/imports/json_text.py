"""JSON as the standard has it: no NaN, no infinities; and what is wrong with a text that is not."""

import json

from onport_producers.imports.errors import UnreadableError


class _NoNumber:
    def __init__(self, name: str) -> None:
        self.name = name


_decoder = json.JSONDecoder(parse_constant=_NoNumber)


def decoded(text: str, at: int, line: int) -> tuple[object, int]:
    """Return the value that begins at a position of the text, and where it ends.

    Raises:
        json.JSONDecodeError: there is none, or none yet.
        UnreadableError: Python can't read it.
    """
    try:
        return _decoder.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise UnreadableError("not readable: nested too deeply", line) from None
    except ValueError:  # Python's guard against numbers that take minutes to convert
        raise UnreadableError("not readable: a number with thousands of digits", line) from None


def check_numbers(value: object, text: str, line: int) -> None:
    """Check that a decoded value holds no NaN and no infinity, which JSON does not have.

    Raises:
        UnreadableError: naming the field.
    """
    if "NaN" in text or "Infinity" in text:
        _refuse_no_numbers(value, (), line)


def _refuse_no_numbers(value: object, path: tuple[str, ...], line: int) -> None:
    match value:
        case _NoNumber():
            raise UnreadableError(f"{value.name} is no JSON number", line, ".".join(path))
        case dict():
            for name, inner in value.items():
                _refuse_no_numbers(inner, (*path, name), line)
        case list():
            for index, inner in enumerate(value):
                _refuse_no_numbers(inner, (*path, str(index)), line)
        case _:
            pass
