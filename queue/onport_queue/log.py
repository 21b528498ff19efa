"""What happens, as events: past tense, snake_case, with ids and places as facts.

Through the standard library's logging, which a shop sets up as it likes: it sees a readable line,
`put_spooled error=TimeoutError`, and a formatter of its own finds `event` and `facts` in the
record. The relay's own processes write them as fields (onport_worker.logs).

Never payloads, names, e-mails or secrets. The text of an error that is not ours may quote what it
was about: of such errors only their type is logged, and where they were raised.
"""

import logging
from pathlib import PurePath


class Log:
    """A module's events.

    Args:
        name: of the module.
        bound: facts of all its events.
    """

    def __init__(self, name: str, **bound: object) -> None:
        self._logger = logging.getLogger(name)
        self._bound = bound

    def debug(self, event: str, /, **facts: object) -> None:
        """Tell what is of interest to who looks for a fault."""
        self._tell(logging.DEBUG, event, facts)

    def info(self, event: str, /, **facts: object) -> None:
        """Tell what an operator would like to know."""
        self._tell(logging.INFO, event, facts)

    def warning(self, event: str, /, **facts: object) -> None:
        """Tell what an operator should know."""
        self._tell(logging.WARNING, event, facts)

    def error(self, event: str, /, **facts: object) -> None:
        """Tell what an operator should act on."""
        self._tell(logging.ERROR, event, facts)

    def _tell(self, level: int, event: str, facts: dict[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        told = self._bound | facts
        line = " ".join((event, *(f"{fact}={value}" for fact, value in told.items())))
        # As two attributes: a fact may be called what a record has already, such as `name`.
        self._logger.log(level, line, extra={"event": event, "facts": told}, stacklevel=3)


def frames_of(error: BaseException) -> list[str]:
    """Say where an error was raised, the innermost place last; never its text."""
    trace, frames = error.__traceback__, []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{PurePath(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames
