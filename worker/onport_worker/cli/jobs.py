"""Jobs that the queue holds: found as people name them, and shown."""

import json
from collections.abc import Sequence

import typer

from onport_queue.durations import spoken
from onport_queue.fold import Fragment, folded
from onport_queue.jobs import product_keys
from onport_queue.names import Kind
from onport_queue.picture.text import counted, printable
from onport_queue.replies import JobView
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.exits import NotHeldError

DEAD = "dead"
_WISHES = {"A": "acknowledge", "D": "disconnect"}


def held(queue: Queue, settings: Settings, kind: Kind, channel: str, key: str) -> JobView:
    """Return the job that a person calls `key`.

    Raises:
        NotHeldError: there is none.
        UsageError: the channel is no name.
    """
    channel = checked_channel(channel)
    keys = product_keys(key, settings.product_key) if kind is Kind.PRODUCT else (key,)
    for candidate in keys:
        view = _looked_up(queue, kind, channel, candidate)
        if view is not None:
            return view
    raise NotHeldError(
        f"{kind} {key!r} on channel {channel}: no such job; delivered ones are no longer held"
    )


def by_full_key(queue: Queue, full_key: str) -> JobView | None:
    """Return the job of a queue-wide key, e.g. ``sale:default:1001``, or None."""
    family, _, rest = full_key.partition(":")
    channel, _, key = rest.partition(":")
    kinds = [kind for kind in Kind if kind.family == family]
    return _looked_up(queue, kinds[0], channel, key) if kinds else None


def show_job(view: JobView, *, payload: bool, as_json: bool) -> None:
    """Print a job, with what it carries only if that is asked for."""
    if as_json:
        typer.echo(json.dumps(_document(view, payload=payload)))
        return
    for name, value in _facts(view):
        typer.echo(f"{name:<13}{printable(value)}")
    if payload:
        held = [("payload", view.fragments), ("then", view.waiting)]
        held += [("later", put.fragments) for put in view.later]
        for name, fragments in held:
            if fragments:
                typer.echo(f"{name:<13}{json.dumps(content(fragments), indent=2)}")


def content(fragments: Sequence[Fragment]) -> object:
    """Return a sale or product as its fragments mean it together; of a variant, its links."""
    if fragments[0].tag in _WISHES:
        return [
            {"wish": _WISHES[fragment.tag], "link": json.loads(fragment.body)}
            for fragment in fragments
        ]
    return json.loads(folded(fragments))


def _looked_up(queue: Queue, kind: Kind, channel: str, key: str) -> JobView | None:
    try:
        return queue.show(kind, channel, key)
    except UnicodeEncodeError:  # an argument that is not UTF-8: no such key was ever taken
        return None


def _facts(view: JobView) -> list[tuple[str, str]]:
    facts = [
        ("job", view.key),
        ("state", view.state),
        ("lane", view.lane.value),
        ("put", f"{spoken(view.put_ms_ago / 1000)} ago"),
        ("attempts", str(view.attempts)),
    ]
    if view.crashes:
        lost = counted(view.crashes, "worker was", "workers were")
        facts.append(("crashes", f"{lost} lost while holding it"))
    if view.due_in_ms and view.fragments:
        facts.append(("next attempt", f"in {spoken(view.due_in_ms / 1000)}"))
    if view.last_status is not None:
        facts.append(("last answer", f"{view.last_status} {view.last_text or ''}".rstrip()))
    if view.waiting:
        facts.append(("waiting", "a newer state waits for the outcome of this one"))
    facts += [("put ahead", f"due in {spoken(put.due_in_ms / 1000)}") for put in view.later]
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
        "later": [{"due_in_ms": put.due_in_ms} for put in view.later],
    }
    if payload:
        found["payload"] = content(view.fragments) if view.fragments else None
        found["waiting_payload"] = content(view.waiting) if view.waiting else None
        found["later"] = [
            {"due_in_ms": put.due_in_ms, "payload": content(put.fragments)} for put in view.later
        ]
    return found
