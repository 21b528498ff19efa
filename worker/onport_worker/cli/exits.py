"""What a command's end means: exit codes, and the one line that says why."""

import sys
from typing import Any

import typer
import typer.core

from onport_producers.outbox.errors import DatabaseUnavailableError
from onport_queue.errors import BrokerUnavailableError, RelayError
from onport_queue.picture.text import printable
from onport_sandbox import SandboxError
from onport_worker.alerts.webhook import WebhookError
from onport_worker.embedded import BinaryNotFoundError, BrokerFailedError
from onport_worker.fleet import WorkerEndedError

GOOD = 0
OFF = 1
"""Something is off: the broker, a worker, the books."""

REFUSED = 2
"""What was asked can't be done as it was asked: options, input, settings."""

INTERRUPTED = 130


class UsageError(RelayError):
    """Arguments that are none, or don't go together."""


class NotHeldError(RelayError):
    """The relay holds no such job, or no longer in that state."""


_OFF = (
    BrokerUnavailableError,
    BrokerFailedError,
    DatabaseUnavailableError,
    BinaryNotFoundError,
    WorkerEndedError,
    NotHeldError,
    WebhookError,
)


class Commands(typer.core.TyperGroup):
    """The commands; each error of ours ends as a line and an exit code, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:  # Any: the types of typer's base class are private
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except RelayError as error:
            tell(str(error))
            raise typer.Exit(exit_code(error)) from error
        except SandboxError as error:
            tell(str(error))
            raise typer.Exit(OFF) from error


def exit_code(error: RelayError) -> int:
    """Return what an error means to a script."""
    return OFF if isinstance(error, _OFF) else REFUSED


def tell(text: str) -> None:
    """Say what is wrong, on standard error."""
    for line in text.splitlines():
        # Not by typer: it writes past a progress bar, and into it.
        sys.stderr.write(f"onport-relay: {printable(line)}\n")
    sys.stderr.flush()
