"""What a line of a log may show: of our events everything, of other libraries' records less.

Theirs may quote an exception, whose text may quote what it was about: a message of Celery's with
the task's error, asyncio's with a future's. Kept are the first line, with its texts and numbers.
"""

from collections.abc import Mapping

from structlog.typing import EventDict

from onport_queue.log import frames_of


def discreet(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Return a line with the facts of our event, or with what may be shown of another's record."""
    record = line["_record"]
    arguments = line.pop("positional_args", None)
    raised = line.pop("exc_info", None)
    line.pop("stack_info", None)
    facts = getattr(record, "facts", None)
    if facts is not None:
        line["event"] = record.event
        line.update({fact: _shown(value) for fact, value in facts.items()})
        return line
    error = raised[1] if raised else None
    line["event"] = _printable(_first_line(_message(record.msg, arguments, error)))
    if error is not None:
        line["error"] = type(error).__name__
        line["at"] = frames_of(error)
    return line


def _message(template: object, arguments: object, error: BaseException | None) -> str:
    if not isinstance(template, str):
        return type(template).__name__
    if not arguments:
        return _without(template, error)
    if isinstance(arguments, Mapping):
        named = {name: _told(value, error) for name, value in arguments.items()}
        return _filled(template, named)
    several = arguments if isinstance(arguments, tuple) else (arguments,)
    return _filled(template, tuple(_told(value, error) for value in several))


def _filled(template: str, values: object) -> str:
    try:
        return template % values
    except (TypeError, ValueError, KeyError):  # a type's name where a number was meant
        return template


def _told(value: object, error: BaseException | None) -> object:
    if isinstance(value, str):
        return _without(value, error)
    return value if isinstance(value, int | float | None) else type(value).__name__


def _without(text: str, error: BaseException | None) -> str:
    """Return a text, unless it quotes the error; then the error's type."""
    quoted = str(error) if error is not None else ""
    return type(error).__name__ if quoted and quoted in text else text


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _shown(value: object) -> object:
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value


def _printable(text: str) -> str:
    # A key of a shop's must neither begin a line of its own nor steer a terminal.
    return "".join(char if char.isprintable() else " " for char in text)
