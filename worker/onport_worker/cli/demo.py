"""onport-relay demo: the whole thing on this machine, with a shop and a sandbox, in a minute."""

import json
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from onport_queue.ledger import Stats
from onport_queue.picture.text import counted
from onport_worker.cli.configuration import settings_of
from onport_worker.demo.orders import OrdersShop, read_orders
from onport_worker.demo.scenario import Extent
from onport_worker.demo.shop import InventedShop, Shop
from onport_worker.demo.stage import Watcher, play, stage
from onport_worker.demo.view import live, show


def demo(
    context: typer.Context,
    rate: Annotated[float, typer.Option(min=1, max=1000, help="Requests/s allowed.")] = 25.0,
    sales: Annotated[int, typer.Option(min=0, help="New orders.")] = 100,
    products: Annotated[int, typer.Option(min=0, help="Products of the import.")] = 5000,
    acks: Annotated[int, typer.Option(min=0, help="Variants to acknowledge.")] = 200,
    orders: Annotated[
        Path | None,
        typer.Option(help="Order lines of a real shop (CSV with the columns of 'Online Retail')."),
    ] = None,
    faults: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of requests that fail: 503, timeout, reset."),
    ] = 0.02,
    seconds: Annotated[
        float | None, typer.Option(min=1, max=3600, help="Go on for so long, under new ids.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same number makes up the same shop and orders again.")
    ] = 1,
    as_json: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--json", help="End with one JSON object.")
    ] = False,
) -> None:
    """Show the relay at work: embedded broker, sandbox, workers and a shop, on this machine only.

    An import fills the low lane; while it drains, new orders arrive, some are paid a moment later,
    and some requests fail. At the end, what was meant is compared with what arrived. Exits 1 if
    anything is off.

    Broker, endpoint, hash, account, rate and product_key are the demonstration's own; whatever else
    the settings say (batch_items, max_attempts, concurrency, ...) is used.
    """
    settings = settings_of(context)
    console = Console(stderr=as_json)
    prefix = f"demo-{secrets.token_hex(3)}"
    shop: Shop = InventedShop(prefix, seed)
    if orders is not None:
        shop = OrdersShop(prefix, seed, read_orders(orders))
        console.print(
            f"{orders}: {counted(shop.skipped(), 'cancellation')} without an earlier order: skipped"
        )
    extent = Extent(rate=rate, sales=sales, products=products, acks=acks, seconds=seconds)
    console.print("Starting an embedded broker, a sandbox and two workers ...")
    with (
        stage(settings, rate=rate, faults=faults, seed=seed) as set_stage,
        Live(console=console, refresh_per_second=4, transient=True) as screen,
    ):
        report = play(set_stage, shop, extent, seed, _watcher(screen, rate))
    show(report, console)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    raise typer.Exit(1 if report.faults else 0)


def _watcher(screen: Live, rate: float) -> Watcher:
    def watch(stats: Stats, used: float) -> None:
        screen.update(live(stats, used, rate))

    return watch
