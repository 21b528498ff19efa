"""The live view: what was seen in, what the terminal shows out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from onport_queue.ledger import Stats
from onport_queue.names import Lane
from onport_queue.picture import allowed_rate, figure, local, printable
from onport_queue.picture.text import counted
from onport_worker.cli.report import Fact, facts, streams, used_rate
from onport_worker.cli.watch.sight import Sight
from onport_worker.cli.watch.sparkline import sparkline

_LABEL_WIDTH = 11
_LEAST_LINES = 10
"""Of an account. Where there is less room for each, they get a line each."""

_UNSHOWN = frozenset({"Drain", "Account"})
_RANKS = (
    *("LOST DATA", "Rate", "Used", "Pending", "Workers", "Dead", "Paused", "Outage", "Forecast"),
    *("Streams", "In flight", "Imbalance", "Event", "Ledger", "Delayed", "Waiting", "Batches"),
)
"""What is shown, what matters most first: where there is no room for all, the last go first."""

_LEAST = {"Streams": 3, "Forecast": 2, "Paused": 2, "Outage": 2, "Event": 2}
_GREY = Style(color="bright_black")

Line = list[Segment]


@dataclass(frozen=True, slots=True)
class Screen:
    """All accounts, in the room that there is.

    Args:
        sights: what was seen.
        now: the time of day.
        title: of the first line.
        height: the most lines; None for as many as it takes.
    """

    sights: Sequence[Sight]
    now: datetime
    title: str
    height: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw."""
        head = self._head(console, options)
        room = None if self.height is None else max(0, self.height - len(head))
        many = len(self.sights)
        if room is not None and many > 1 and room // many < _LEAST_LINES:
            body = _overview(self.sights, console, options)[:room]
        else:
            each = None if room is None else room // many
            body = [
                line
                for sight in self.sights
                for line in self._account(sight, console, options, each)
            ]
        for line in [*head, *body]:
            yield from line
            yield Segment.line()

    def _head(self, console: Console, options: ConsoleOptions) -> list[Line]:
        bar = Table.grid(expand=True)
        bar.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        bar.add_column(justify="right", no_wrap=True)
        bar.add_row(Text(self.title, "bold"), local(self.now, self.now))
        return _lines(bar, console, options)

    def _account(
        self, sight: Sight, console: Console, options: ConsoleOptions, room: int | None
    ) -> list[Line]:
        own = room if room is None else room - 1
        lines = _lines(_title(sight, self.now), console, options)
        if sight.stats is None:
            return lines
        shown = _fitted(_blocks(sight.stats, sight, sight.at or self.now, console, options), own)
        if sight.away is not None:
            shown = [_greyed(line) for line in shown]
        return lines + shown


@dataclass(frozen=True, slots=True)
class _Block:
    label: str
    lines: list[Line]


def _title(sight: Sight, now: datetime) -> Text:
    text = Text(f"{sight.settings.account}", "bold cyan", no_wrap=True, overflow="ellipsis")
    if sight.away is not None:
        seen = f"; seen at {local(sight.at, now)}" if sight.at else ""
        text.append(f"  broker away{seen}: {printable(sight.away)}", "bold red")
    elif sight.stats is None:
        text.append("  ...", "dim")
    return text


def _blocks(
    stats: Stats, sight: Sight, now: datetime, console: Console, options: ConsoleOptions
) -> list[_Block]:
    """Return what there is to show, in the order in which it is shown."""
    told: dict[str, list[Fact]] = {}
    for fact in facts(stats, sight.settings, now, used=sight.used):
        if fact.label not in _UNSHOWN:
            told.setdefault(fact.label, []).append(fact)
    blocks = []
    for label, its in told.items():
        rows = _used(stats, sight, options) if label == "Used" else _rows(label, its)
        blocks.append(_Block(label, _lines(rows, console, options)))
        if label == "Pending" and stats.streams:
            blocks.append(_Block("Streams", _streams(stats, console, options)))
    return blocks


def _rows(label: str, its: Sequence[Fact]) -> Table:
    rows = _grid()
    for place, fact in enumerate(its):
        rows.add_row(label if place == 0 else "", Text(fact.text, "red" if fact.is_bad else ""))
    return rows


def _used(stats: Stats, sight: Sight, options: ConsoleOptions) -> Table:
    allowed = allowed_rate(stats, sight.settings)
    text = used_rate(sight.used, allowed)
    top = max(allowed, *sight.used.rates) if sight.used.rates else allowed
    width = options.max_width - _LABEL_WIDTH - len(text) - 2
    bars = sparkline(sight.used.rates, top, width, plain=options.ascii_only)
    rows = _grid()
    rows.add_row("Used", Text.assemble((bars, "green"), "  " if bars else "", text))
    return rows


def _streams(stats: Stats, console: Console, options: ConsoleOptions) -> list[Line]:
    table = Table.grid()
    table.add_column(width=_LABEL_WIDTH)
    table.add_column()
    table.add_row("", streams(stats))
    return _lines(table, console, options)


def _grid() -> Table:
    grid = Table.grid()
    grid.add_column(width=_LABEL_WIDTH, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _fitted(blocks: Sequence[_Block], room: int | None) -> list[Line]:
    """Return the lines of all blocks; where there are too many, the most important."""
    if room is None:
        return [line for block in blocks for line in block.lines]
    given = dict.fromkeys((block.label for block in blocks), 0)
    by_rank = sorted(blocks, key=lambda block: _RANKS.index(block.label))
    for least_only in (True, False):
        for block in by_rank:
            wanted = len(block.lines)
            if least_only:
                wanted = min(wanted, _LEAST.get(block.label, 1))
            more = min(wanted - given[block.label], room - sum(given.values()))
            given[block.label] += max(0, more)
    return [line for block in blocks for line in _cut(block.lines, given[block.label])]


def _cut(lines: list[Line], many: int) -> Iterator[Line]:
    if len(lines) <= many or many < 2:
        yield from lines[:many]
        return
    yield from lines[: many - 1]
    left = len(lines) - many + 1
    yield [Segment(" " * _LABEL_WIDTH), Segment(f"and {counted(left, 'more line')}", _GREY)]


def _overview(sights: Sequence[Sight], console: Console, options: ConsoleOptions) -> list[Line]:
    """Return a line for each account."""
    columns = ("account", *("high", "low", "used", "allowed", "dead", "paused", "workers"), "")
    table = Table(*columns, box=None, pad_edge=False)
    for sight in sights:
        if sight.stats is None:
            table.add_row(sight.settings.account, style="red" if sight.away else "dim")
            continue
        stats, used = sight.stats, sight.used.now
        table.add_row(
            sight.settings.account,
            *(f"{stats.pending_in(lane):,}" for lane in Lane),
            "-" if used is None else figure(round(used, 1)),
            figure(allowed_rate(stats, sight.settings)),
            f"{stats.dead:,}",
            f"{len(stats.pauses)}",
            f"{len(stats.serving)}",
            "broker away" if sight.away else "OFF" if sight.is_off else "",
            style="bright_black" if sight.away else "",
        )
    lines = _lines(table, console, options)
    away = next((sight.away for sight in sights if sight.away), None)
    if away is not None:
        lines[:0] = _lines(Text(f"broker away: {printable(away)}", "bold red"), console, options)
    return lines


def _lines(drawn: Table | Text, console: Console, options: ConsoleOptions) -> list[Line]:
    return console.render_lines(drawn, options.update(height=None), pad=False)


def _greyed(line: Line) -> Line:
    return [Segment(segment.text, _GREY, segment.control) for segment in line]
