"""Dead letters: which of them are meant, and how each is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from onport_queue.durations import spoken
from onport_queue.letters import Filters
from onport_queue.names import Kind
from onport_queue.picture.text import printable
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.durations import duration
from onport_worker.cli.exits import UsageError
from onport_worker.cli.jobs import DEAD, by_full_key

_BEGINNING = 60
_AS_WIDE_AS_NEEDED = 100_000


def filters_of(
    kind: Kind | None, channel: str | None, status: str | None, since: str | None
) -> Filters:
    """Return what the options say.

    Raises:
        UsageError: the channel is no name, or --since no duration.
    """
    return Filters(
        kind,
        None if channel is None else checked_channel(channel),
        status,
        None if since is None else duration("--since", since),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """The dead letters that a command is to change: by key, by filter, or all of them.

    Raises:
        UsageError: it is none of the three, or more than one.
    """

    keys: Sequence[str]
    filters: Filters
    everything: bool

    def __post_init__(self) -> None:
        ways = bool(self.keys) + (self.filters != Filters()) + self.everything
        if ways != 1:
            chosen = "nothing is chosen" if ways == 0 else "keys, filters and --all don't mix"
            raise UsageError(
                f"{chosen}: expected keys as `dead list` prints them, filters, or --all"
            )

    def dead_keys(self, queue: Queue) -> tuple[list[str], list[str]]:
        """Return the keys that are dead, and a line for each that was named but is not."""
        if not self.keys:
            return [letter.key for letter in self.filters.letters(queue)], []
        dead, faults = [], []
        for key in dict.fromkeys(self.keys):
            view = by_full_key(queue, key)
            if view is None:
                faults.append(f"{key}: no such dead letter; expected a key as `dead list` prints")
            elif view.state != DEAD:
                faults.append(f"{key}: not dead but {view.state}")
            else:
                dead.append(key)
        return dead, faults


def document(letter: DeadLetter, now: datetime) -> dict[str, object]:
    """Return a dead letter for a script, without its payload."""
    died_at = now - timedelta(milliseconds=letter.died_ms_ago)
    return {
        "key": letter.key,
        "kind": letter.kind.value,
        "channel": letter.channel,
        "lane": letter.lane.value,
        "died_at": died_at.isoformat(timespec="seconds"),
        "attempts": letter.attempts,
        "last_status": letter.last_status,
        "last_text": letter.last_text,
    }


def print_table(letters: Iterable[DeadLetter]) -> None:
    """Print a row for each; keys are not broken, so that they can be copied."""
    table = Table(box=None, pad_edge=False)
    for column in ("key", "kind", "channel", "died", "attempts", "status", "answer"):
        table.add_column(column, no_wrap=True, justify="right" if column == "attempts" else "left")
    for letter in letters:
        table.add_row(
            printable(letter.key),
            letter.kind,
            letter.channel,
            f"{spoken(letter.died_ms_ago / 1000)} ago",
            f"{letter.attempts:,}",
            printable(letter.last_status or ""),
            _beginning(letter.last_text or ""),
        )
    console = Console(highlight=False, markup=False, emoji=False, width=_AS_WIDE_AS_NEEDED)
    console.print(table)


def _beginning(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= _BEGINNING else f"{line[: _BEGINNING - 1]}…"
