"""How the relay's own processes log: one event per line, on standard error, JSON or for a console.

Each calls `configure` at its start; a shop's process never does. Of other libraries only warnings
are shown, at any level: at their more talkative levels some quote what they carry.
"""

import logging
import sys
import threading
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor

from onport_queue.log import Log, frames_of
from onport_queue.settings import Settings
from onport_worker.discretion import discreet

OURS = ("onport_queue", "onport_producers", "onport_worker")
_log = Log(__name__)


def configure(settings: Settings, process: str) -> None:
    """Have this process, and those that it forks, log as the settings say.

    Args:
        settings: with log_format and log_level.
        process: its name, which every line has.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(settings, process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)
    hide_crashes()


def hide_crashes() -> None:
    """Have whatever nobody has caught told as an event, without its text."""
    sys.excepthook = _crashed
    sys.unraisablehook = lambda found: tell_crash("error_ignored", found.exc_value)
    threading.excepthook = lambda found: tell_crash("thread_crashed", found.exc_value)


def tell_crash(event: str, error: BaseException | None) -> None:
    """Tell of an error that nobody has caught, by its type and place."""
    if error is None or isinstance(error, SystemExit):
        return
    _log.error(event, error=type(error).__name__, at=frames_of(error))


def _formatter(settings: Settings, process: str) -> logging.Formatter:
    def name_process(_logger: object, _method: str, line: EventDict) -> EventDict:
        line["process"] = process
        line["pid"] = line["_record"].process
        return line

    first: list[Processor] = [
        discreet,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    ]
    last: Processor
    if settings.log_format == "json":
        last = structlog.processors.JSONRenderer(default=str)
    else:
        # Columns that are padded would be as wide as the longest name.
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False
        )
    return structlog.stdlib.ProcessorFormatter(
        processors=[*first, last], use_get_message=False, pass_foreign_args=True
    )


def _crashed(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return
    tell_crash("crashed", error)
