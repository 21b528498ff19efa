"""onport-relay up: the whole relay on this machine, until it is stopped."""

import shlex
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from pydantic import SecretStr

from onport_queue.clock import SystemClock
from onport_queue.durations import spoken
from onport_queue.errors import BrokerUnavailableError, SettingsError
from onport_queue.ledger import Stats
from onport_queue.names import FIGURES_VARIABLE, SCHEDULES_QUEUE, Lane
from onport_queue.picture.text import counted
from onport_queue.settings import Settings
from onport_worker.cli.addresses import endpoint_of
from onport_worker.cli.configuration import opened_queue, settings_of
from onport_worker.cli.exits import GOOD, OFF, tell
from onport_worker.cli.page_token import kept_token
from onport_worker.cli.premises import Premises, opened_premises
from onport_worker.embedded import BrokerFailedError
from onport_worker.embedded.address import HOST, is_free
from onport_worker.fleet import AlertsPlan, BeatPlan, Fleet, GatewayPlan, Plan, WorkerPlan
from onport_worker.logs import configure
from onport_worker.runtime import served_accounts
from onport_worker.stopping import Stopping
from onport_worker.telemetry.shared import shared_folder

LOG_NAME = "workers.log"
_HIGH_THREADS = 4
_MOST_RUNS = 16
_TICK_S = 0.1


def up(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of broker and log; else the setting data_dir."),
    ] = None,
    gateway: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Where the gateway listens, on 127.0.0.1; 0: nowhere. Else setting gateway_port "
            "(8080, left out if somebody else has it).",
        ),
    ] = None,
) -> None:
    """Run the whole relay on this machine: broker, workers, gateway, until Ctrl-C or TERM.

    The broker is the one in the settings (redis_url), else an embedded one that keeps its data in
    DIR; another shell reaches that one by DIR/relay.env. Needs ONPORT_RELAY_WEBHOOK_HASH.

    The link that it prints opens the gateway's page: the live picture, dead letters, pauses. Its
    token is page_token, else one that is made and kept in DIR/page-token.

    Ctrl-C or TERM: what is on the wire is finished, or released after 12 s to be sent again, then
    everything stops, and what is pending is there again at the next start; exits 0. A second one,
    or QUIT, releases and ends at once; exits 130.
    """
    settings = settings_of(context, data_dir=data)
    configure(settings, "up")
    accounts = served_accounts(settings)
    gateways = gateway_plans(settings, gateway)
    with Stopping() as stopping, opened_premises(settings) as bare:
        premises = with_page(bare, gateways)
        _introduce(premises, gateways)
        beats = [BeatPlan()] if any(one.enabled for one in settings.schedules) else []
        tellers = [AlertsPlan()] if settings.alerts.webhook_url else []
        every: list[Plan] = [*plans(settings), *gateways, *beats, *tellers]
        # Their figures are added up, and told by the gateway: one port for all of a machine.
        alone = premises.settings.model_copy(update={"metrics_port": 0})
        with (
            shared_folder() as figures,
            Fleet(
                alone, every, log_of(settings), environment={FIGURES_VARIABLE: str(figures)}
            ) as fleet,
        ):
            _watch(fleet, premises, gateways, stopping)
            typer.echo("Stopping: what is on the wire is finished first ...")
        left = [_stats(premises.settings.for_account(each.account)) for each in accounts]
    in_flight = sum(stats.in_flight for stats in left)
    typer.echo(
        f"Stopped: {in_flight:,} in flight, {sum(stats.unfinished for stats in left):,} to be "
        f"delivered next time, {sum(stats.dead for stats in left):,} dead."
    )
    # Other hosts' workers may go on with a broker that is not ours.
    raise typer.Exit(OFF if in_flight and settings.redis_url is None else GOOD)


def plans(settings: Settings) -> tuple[WorkerPlan, ...]:
    """Return the workers of one machine: one is reserved for new sales, one for schedules.

    Each account has threads of its own, so that one at a standstill does not slow the others.
    """
    accounts = len(served_accounts(settings))
    reserved = min(_HIGH_THREADS, settings.concurrency)
    delivering = (
        WorkerPlan("high", (Lane.HIGH,), reserved * accounts),
        WorkerPlan("low", (Lane.HIGH, Lane.LOW), settings.concurrency * accounts),
    )
    scheduled = sum(schedule.enabled for schedule in settings.schedules)
    if not scheduled:
        return delivering
    return (*delivering, WorkerPlan("schedules", (SCHEDULES_QUEUE,), min(scheduled, _MOST_RUNS)))


def gateway_plans(settings: Settings, port: int | None) -> Sequence[GatewayPlan]:
    """Return the gateway, if there is to be one.

    Raises:
        SettingsError: somebody else has the port that was asked for.
    """
    asked = port is not None or "gateway_port" in settings.model_fields_set
    wanted = settings.gateway_port if port is None else port
    if wanted == 0:
        return ()
    if is_free(wanted):
        return (GatewayPlan(wanted),)
    problem = f"{HOST}:{wanted} is taken by somebody else; choose another port by --gateway"
    if asked:
        raise SettingsError(f"gateway: {problem}, or 0 for none")
    tell(f"no gateway: {problem}")
    return ()


def with_page(premises: Premises, gateways: Sequence[GatewayPlan]) -> Premises:
    """Return premises where the gateway's page has a token: the one in the settings, or one made.

    Raises:
        SettingsError: none can be kept in the data folder.
    """
    settings = premises.settings
    if not gateways or settings.page_token is not None:
        return premises
    token = SecretStr(kept_token(settings.data_dir.absolute()))
    return replace(premises, settings=settings.model_copy(update={"page_token": token}))


def log_of(settings: Settings) -> Path:
    """Return where the workers log."""
    return settings.data_dir.absolute() / LOG_NAME


def _introduce(premises: Premises, gateways: Sequence[GatewayPlan]) -> None:
    settings = premises.settings
    typer.echo(f"Broker    {premises.broker}")
    if premises.environment_file is not None:
        file = shlex.quote(str(premises.environment_file))
        typer.echo(f"Others    reach it after: set -a; . {file}; set +a")
    accounts = served_accounts(settings)
    for each in accounts:
        of = f" for account {each.account}" if len(accounts) > 1 else ""
        typer.echo(f"Endpoint  {endpoint_of(each.base_url)}, at most {each.rate:g} requests/s{of}")
    for gateway in gateways:
        typer.echo(f"Gateway   http://{HOST}:{gateway.port}, in place of Onport's host")
        if settings.page_token is not None:
            token = quote(settings.page_token.get_secret_value(), safe="")
            typer.echo(f"Page      http://{HOST}:{gateway.port}/#token={token}")
    workers = (f"{plan.name} ({counted(plan.concurrency, 'thread')})" for plan in plans(settings))
    typer.echo(f"Workers   {', '.join(workers)}, log in {log_of(settings)}")
    if scheduled := [schedule.name for schedule in settings.schedules if schedule.enabled]:
        typer.echo(f"Schedules {', '.join(scheduled)}")
    if settings.alerts.webhook_url:
        typer.echo("Alerts    are told to the webhook in the settings")


def _watch(
    fleet: Fleet, premises: Premises, gateways: Sequence[GatewayPlan], stopping: Stopping
) -> None:
    clock, tick = SystemClock(), threading.Event()
    ready = False
    while not stopping.asked:
        if premises.has_failed():
            raise BrokerFailedError(
                "the embedded broker died too often and is not started again; see "
                f"{premises.settings.data_dir.absolute() / 'valkey.log'}"
            )
        for ended in fleet.restart_ended():
            pause = spoken(ended.pause.total_seconds())
            tell(f"worker {ended.name} ended ({ended.status}), is started again in {pause}")
        if not ready and (ready := _all_at_work(premises.settings, gateways)):
            typer.echo("Ready. Ctrl-C stops.")
        clock.wait(tick, _TICK_S)


def _all_at_work(settings: Settings, gateways: Sequence[GatewayPlan]) -> bool:
    try:
        accounts, workers = served_accounts(settings), len(plans(settings))
        works = all(len(_stats(account).workers) >= workers for account in accounts)
    except BrokerUnavailableError:
        return False
    return works and all(_answers(gateway.port) for gateway in gateways)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=_TICK_S):
            return True
    except OSError:
        return False


def _stats(settings: Settings) -> Stats:
    with opened_queue(settings) as queue:
        return queue.stats()
