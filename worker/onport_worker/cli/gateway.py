"""onport-relay gateway: Onport's own inbound paths, for a shop in any language."""

import os
from contextlib import ExitStack
from functools import partial
from typing import Annotated

import typer

from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.names import FIGURES_VARIABLE
from onport_worker.cli.configuration import settings_of, with_broker
from onport_worker.cli.exits import GOOD, OFF
from onport_worker.logs import configure
from onport_worker.telemetry.shared import shared_folder


def gateway(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 is any free one; else setting gateway_port."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; one takes thousands of sales/s.")
    ] = 1,
) -> None:
    """Serve Onport's four inbound paths: a shop changes its base URL, and nothing else.

    A 200 means that the relay has the job: Redis, or this host's spool while Redis is away. What
    can't be keyed or is of a wrong type is refused with a 422 that names the field. Requests carry
    the channel's hash (ONPORT_RELAY_WEBHOOK_HASH) as jetti-webhook-hash.

    The page at / shows what the relay does, and opens to ONPORT_RELAY_PAGE_TOKEN; without one it is
    off. /docs describes the gateway; /healthz, /readyz and /metrics are for those who watch it. Put
    a proxy with TLS before it if the shop is on another host.

    Ctrl-C or TERM: what was accepted is answered first; exits 0.
    """
    settings = with_broker(settings_of(context))
    configure(settings, "gateway")
    with ExitStack() as stack:
        if workers > 1:
            os.environ[FIGURES_VARIABLE] = str(stack.enter_context(shared_folder()))
        # Only now: prometheus-client reads the environment when it is imported.
        from onport_producers.gateway import Address, Door, Prefork, serve  # noqa: PLC0415

        Door.of(settings)
        address = Address(host, settings.gateway_port if port is None else port)
        try:
            place = address.bind()
        except OSError as error:
            raise SettingsError(
                f"gateway: {address} can't be listened at: {error.strerror}; choose another by "
                "--host and --port"
            ) from error
        with place:
            bound = Address(host, place.getsockname()[1])
            typer.echo(f"Gateway   {bound}, {workers} process{'es' * (workers > 1)}. Ctrl-C stops.")
            page = "off; page_token turns it on" if settings.page_token is None else f"{bound}/"
            typer.echo(f"Page      {page}")
            # Asked before anything is forked: later it may be gone already.
            parent = os.getppid() if workers == 1 else os.getpid()
            work = partial(serve, settings, place, parent=parent)
            good = work() if workers == 1 else Prefork(work, workers, SystemClock()).run()
    raise typer.Exit(GOOD if good else OFF)
