"""onport-relay show: one job."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from onport_queue.fold import Fragment, folded
from onport_queue.jobs import product_keys
from onport_queue.names import DEFAULT_CHANNEL, Kind
from onport_queue.settings import Settings
from onport_queue.store import JobView, Queue
from onport_worker.cli.configuration import opened_broker, queue_of, settings_of, with_broker
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import OFF, printable, tell

_WISHES = {"A": "acknowledge", "D": "disconnect"}


def show(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What the job delivers.")],
    key: Annotated[
        str,
        typer.Argument(help="A sale's externalId; a product's externalId or sku; a variant's sku."),
    ],
    channel: Annotated[str, typer.Option(help="The custom channel.")] = DEFAULT_CHANNEL,
    *,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show what it carries too: may be personal data.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one job: its state, attempts and last answer.

    Exits 1 if the relay holds no such job: a delivered one is no longer held.
    """
    settings = with_broker(settings_of(context))
    with opened_broker(settings) as redis:
        view = _found(queue_of(redis, settings), settings, kind, channel, key)
    if view is None:
        tell(f"{kind} {key!r} on channel {channel}: no such job; delivered ones are no longer held")
        raise typer.Exit(OFF)
    if as_json:
        typer.echo(json.dumps(_document(view, payload=payload)))
        return
    for name, value in _facts(view):
        typer.echo(f"{name:<13}{printable(value)}")
    if payload:
        for name, content in (("payload", view.fragments), ("then", view.waiting)):
            if content:
                typer.echo(f"{name:<13}{json.dumps(_content(content), indent=2)}")


def _found(queue: Queue, settings: Settings, kind: Kind, channel: str, key: str) -> JobView | None:
    keys = product_keys(key, settings.product_key) if kind is Kind.PRODUCT else (key,)
    views = (queue.show(kind, channel, candidate) for candidate in keys)
    return next((view for view in views if view is not None), None)


def _facts(view: JobView) -> list[tuple[str, str]]:
    facts = [
        ("job", view.key),
        ("state", view.state),
        ("lane", view.lane.value),
        ("put", f"{spoken(view.put_ms_ago / 1000)} ago"),
        ("attempts", str(view.attempts)),
    ]
    if view.crashes:
        facts.append(("crashes", f"{view.crashes} workers were lost while they had it"))
    if view.due_in_ms:
        facts.append(("next attempt", f"in {spoken(view.due_in_ms / 1000)}"))
    if view.last_status is not None:
        facts.append(("last answer", f"{view.last_status} {view.last_text or ''}".rstrip()))
    if view.waiting:
        facts.append(("waiting", "a newer state waits for the outcome of this one"))
    return facts


def _document(view: JobView, *, payload: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "key": view.key,
        "state": view.state,
        "lane": view.lane.value,
        "put_ms_ago": view.put_ms_ago,
        "due_in_ms": view.due_in_ms,
        "attempts": view.attempts,
        "crashes": view.crashes,
        "last_status": view.last_status,
        "last_text": view.last_text,
        "newer_waiting": bool(view.waiting),
    }
    if payload:
        found["payload"] = _content(view.fragments)
        found["waiting_payload"] = _content(view.waiting) if view.waiting else None
    return found


def _content(fragments: Sequence[Fragment]) -> object:
    """Return a sale or product as its fragments mean it together; of a variant, its links."""
    if fragments[0].tag in _WISHES:
        return [
            {"wish": _WISHES[fragment.tag], "link": json.loads(fragment.body)}
            for fragment in fragments
        ]
    return json.loads(folded(fragments))
