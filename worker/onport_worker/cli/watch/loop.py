"""The loop of `status --watch`: look, show, wait, until somebody stops it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import typer
from rich.console import Console
from rich.live import Live

from onport_queue.clock import Clock
from onport_queue.durations import spoken
from onport_queue.picture import local, picture_of, printable
from onport_worker.cli.report import facts, streams
from onport_worker.cli.watch.screen import Screen
from onport_worker.cli.watch.sight import Sight, Watch
from onport_worker.stopping import Stopping

_TICK_S = 0.1

Show = Callable[[], None]


def watch_until_stopped(watch: Watch, every: timedelta, clock: Clock, *, as_json: bool) -> None:
    """Show all accounts, on a terminal as one live picture, else one after the other.

    Ctrl-C or TERM ends it, and gives the terminal back as it was.
    """
    console = Console(highlight=False)
    is_live = console.file.isatty() and not console.is_dumb_terminal and not as_json
    with Stopping() as stopping:
        if is_live:
            with _live(watch, every, clock, console) as show:
                _loop(watch, every, clock, stopping, show, lambda: console.size)
        else:
            show = _json_lines(watch) if as_json else _plain(watch, clock, console)
            _loop(watch, every, clock, stopping, show, lambda: None)


def _loop(
    watch: Watch,
    every: timedelta,
    clock: Clock,
    stopping: Stopping,
    show: Show,
    size: Callable[[], object],
) -> None:
    never, next_s, shown = threading.Event(), clock.monotonic_s(), None
    while not stopping.asked:
        if clock.monotonic_s() >= next_s:
            watch.look()
            next_s = max(next_s + every.total_seconds(), clock.monotonic_s())
            shown = None
        if shown is None or size() != shown[0]:
            show()
            shown = (size(),)
        clock.wait(never, min(_TICK_S, max(0.0, next_s - clock.monotonic_s())))


@contextmanager
def _live(watch: Watch, every: timedelta, clock: Clock, console: Console) -> Iterator[Show]:
    title = f"Onport Relay, every {spoken(every.total_seconds())}, Ctrl-C ends"
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def show() -> None:
            screen = Screen(watch.sights, clock.wall(), title, console.size.height)
            live.update(screen, refresh=True)

        yield show


def _plain(watch: Watch, clock: Clock, console: Console) -> Show:
    def show() -> None:
        for sight in watch.sights:
            _print(sight, clock, console)

    return show


def _print(sight: Sight, clock: Clock, console: Console) -> None:
    now = clock.wall()
    account = sight.settings.account
    if sight.away is not None or sight.stats is None:
        typer.echo(f"At {local(now, now)} account {account}: {printable(sight.away or '')}\n")
        return
    typer.echo(f"At {local(now, now)}")
    for fact in facts(sight.stats, sight.settings, now, used=sight.used):
        typer.echo(str(fact))
    if sight.stats.streams:
        console.print(streams(sight.stats))
    typer.echo()


def _json_lines(watch: Watch) -> Show:
    def show() -> None:
        for sight in watch.sights:
            account = sight.settings.account
            if sight.away is not None or sight.stats is None:
                document: dict[str, object] = {"account": account, "error": sight.away}
            else:
                document = picture_of(sight.stats, sight.settings, used=sight.used)
            typer.echo(json.dumps(document))

    return show
