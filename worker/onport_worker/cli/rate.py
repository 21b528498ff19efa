"""onport-relay rate: how many requests a second are allowed."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from onport_queue.ledger import Stats
from onport_queue.picture.rates import allowed_rate, learnt_limit, rates
from onport_queue.picture.text import figure
from onport_queue.settings import Settings
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.exits import UsageError

_DEFAULT = "default"
_LOWEST, _HIGHEST = 0.001, 10_000


def rate(
    context: typer.Context,
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="R|default",
            help="Requests/s of all workers together; default is what is configured.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the rate, or set it for all workers, above or below the configured one.

    In force with the next claim of any worker, until it is set again: restarts don't change it.
    Setting it forgets what was learnt about the endpoint's limit; a 429 teaches it again. To send
    nothing at all, use pause.
    """
    parsed = None if wanted is None else _parsed(wanted)
    settings = with_broker(account_settings_of(context))
    with opened_queue(settings) as queue:
        if wanted is not None:
            queue.set_rate(parsed)
        stats = queue.stats()
    if as_json:
        typer.echo(json.dumps(rates(stats, settings)))
        return
    for name, value in _facts(stats, settings):
        typer.echo(f"{name:<14}{value}")


def _parsed(text: str) -> float | None:
    if text == _DEFAULT:
        return None
    try:
        parsed = float(text)
    except ValueError:
        parsed = 0.0
    if not _LOWEST <= parsed <= _HIGHEST:
        raise UsageError(
            f"rate {text!r}: expected requests/s from {_LOWEST:g} to {_HIGHEST:,}, or {_DEFAULT}"
        )
    return parsed


def _facts(stats: Stats, settings: Settings) -> Iterator[tuple[str, str]]:
    yield "configured", f"{figure(settings.rate)} requests/s"
    if stats.rate_set is None:
        yield "set", "no"
    else:
        yield "set", f"{figure(stats.rate_set)} requests/s, by an operator"
    yield "allowed now", f"{figure(allowed_rate(stats, settings))} requests/s"
    yield "learnt limit", learnt_limit(stats) or "none"
