"""How far a file is read, and how far what it held is delivered: a bar, if somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from onport_producers.imports import Source

Told: TypeAlias = Callable[[int], None]
"""Told how many items have been dealt with so far."""


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """Return the items per second since the beginning."""
        passed = task.elapsed
        return Text(f"{task.fields['items'] / passed:,.0f}/s" if passed else "")


@contextmanager
def reading_meter(source: Source) -> Iterator[Told]:
    """Show how much of a file is read."""
    with _bar("accepted") as bar:
        task = bar.add_task("", total=source.size, items=0)

        def told(items: int) -> None:
            bar.update(task, completed=source.position() if source.size else None, items=items)

        yield told


@contextmanager
def delivery_meter(total: int) -> Iterator[Told]:
    """Show how many of the items are delivered."""
    with _bar("done") as bar:
        task = bar.add_task("", total=total, items=0)

        def told(items: int) -> None:
            bar.update(task, completed=items, items=items)

        yield told


def _bar(done: str) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn(f"{{task.fields[items]:,}} {done}"),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
