"""onport-relay alerts: somebody is told when something is wrong."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.picture.text import printable
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_worker.alerts.conditions import Condition
from onport_worker.alerts.notice import said_of, trial_document
from onport_worker.alerts.watch import Watch
from onport_worker.alerts.webhook import Webhook
from onport_worker.cli.configuration import settings_of, with_broker
from onport_worker.cli.exits import GOOD, OFF, UsageError, tell
from onport_worker.logs import configure
from onport_worker.runtime import broker_url
from onport_worker.stopping import Stopping

EVERY_S = 5.0
_BROKER_TIMEOUT_S = 2.5
_TICK_S = 0.1


def alerts(
    context: typer.Context,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.2, max=30.0, help="Between two looks.")
    ] = EVERY_S,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, print what is wrong, and tell what is news.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Only tell the webhook that nothing is wrong.")
    ] = False,
) -> None:
    """Tell a webhook when a sale is dead, a channel is paused, Redis is away, and when it is over.

    The webhook is a secret: ONPORT_RELAY_ALERTS__WEBHOOK_URL. It gets JSON with ids, and a `text`
    that chats show; within a minute, again each hour while it lasts, and once when it is over.
    One such process is enough, several tell everything once; `up` runs one. Each looks at the spool
    of its own host too.

    Runs until Ctrl-C or TERM; exits 0. --once: exits 1 if something is wrong, told before or not.
    """
    if once and test:
        raise UsageError("--once and --test: expected one of them")
    settings = with_broker(settings_of(context))
    configure(settings, "alerts")
    with Stopping() as stopping, _opened(settings, stopping, needed=not once) as webhook:
        if test and webhook:
            webhook.post(trial_document(settings.account, SystemClock().wall()))
            typer.echo("The webhook has taken a test.")
            return
        with _watches(settings, webhook) as watches:
            if once:
                raise typer.Exit(_look_once(settings, watches))
            typer.echo("Alerts are told. Ctrl-C stops.")
            _look_until_stopped(watches, every, stopping)


@contextmanager
def _opened(settings: Settings, stopping: Stopping, *, needed: bool) -> Iterator[Webhook | None]:
    url = settings.alerts.webhook_url
    if url is None:
        problem = f"alerts.webhook_url: missing; set {ENVIRONMENT_PREFIX}ALERTS__WEBHOOK_URL"
        if needed:
            raise SettingsError(problem)
        tell(f"{problem}, else nobody is told")
        yield None
        return
    webhook = Webhook(url, is_stopped=lambda: stopping.asked)
    try:
        yield webhook
    finally:
        webhook.close()


@contextmanager
def _watches(settings: Settings, webhook: Webhook | None) -> Iterator[Sequence[Watch]]:
    with ExitStack() as stack:
        redis = stack.enter_context(
            connect(broker_url(settings), timeout_s=_BROKER_TIMEOUT_S, retries=0)
        )
        watches = []
        for name in settings.account_names:
            watch = Watch(
                settings.for_account(name),
                redis,
                webhook,
                SystemClock(),
                host=socket.gethostname(),
                tells_of_broker=name == settings.account,
            )
            stack.callback(watch.close)
            watches.append(watch)
        yield watches


def _look_once(settings: Settings, watches: Sequence[Watch]) -> int:
    found: list[tuple[str, Condition]] = []
    for account, watch in zip(settings.account_names, watches, strict=True):
        found += ((account, condition) for condition in watch.look(at_once=True))
    for account, condition in found:
        of = f"account {account}: " if len(watches) > 1 else ""
        typer.echo(printable(f"{of}{said_of(condition)}"))
    if not found:
        typer.echo("Nothing is wrong.")
    return OFF if found else GOOD


def _look_until_stopped(watches: Sequence[Watch], every_s: float, stopping: Stopping) -> None:
    clock, never = SystemClock(), threading.Event()
    while not stopping.asked:
        next_s = clock.monotonic_s() + every_s
        for watch in watches:
            watch.look()
        while not stopping.asked and clock.monotonic_s() < next_s:
            clock.wait(never, _TICK_S)
