"""onport-relay dead: jobs that were given up."""

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

import typer
from redis.exceptions import RedisError

from onport_producers.wakeup import CeleryWaker
from onport_queue.clock import SystemClock
from onport_queue.names import DEFAULT_CHANNEL, Kind
from onport_queue.picture.text import counted
from onport_queue.puts import JOBS_PER_PUT
from onport_queue.replies import DeadLetter
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.exits import GOOD, OFF, NotHeldError, UsageError, tell
from onport_worker.cli.jobs import DEAD, by_full_key, content, held, show_job
from onport_worker.cli.letter_file import STANDARD_OUTPUT, opened_letter_file
from onport_worker.cli.letters import Choice, document, filters_of, print_table
from onport_worker.cli.show import JobChannel, JobKey, JobKind, WithPayload
from onport_worker.runtime import broker_url

_LISTED = 50

app = typer.Typer(
    name="dead",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, show, replay, discard or export jobs that were given up.",
)

KindFilter: TypeAlias = Annotated[Kind | None, typer.Option("--kind", help="Only of this kind.")]
ChannelFilter: TypeAlias = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="Only of this custom channel.")
]
StatusFilter: TypeAlias = Annotated[
    str | None,
    typer.Option("--status", help="Only those last answered so: 422, or what else list shows."),
]
SinceFilter: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only those that died within 90s, 10m, 2h, 3d."),
]
Keys: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="KEY", help="As `dead list` prints them.")
]
Everything: TypeAlias = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@app.command("list")
def list_letters(
    context: typer.Context,
    kind: KindFilter = None,
    channel: ChannelFilter = None,
    status: StatusFilter = None,
    since: SinceFilter = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"The newest so many; else {_LISTED}, with --json all.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """List dead letters, the newest last: attempts and last answer, never what they carry."""
    filters = filters_of(kind, channel, status, since)
    with opened_queue(with_broker(account_settings_of(context, channel=channel))) as queue:
        letters = filters.letters(queue)
        if as_json:
            clock = SystemClock()
            for letter in letters if limit is None else deque(letters, limit):
                typer.echo(json.dumps(document(letter, clock.wall())))
            return
        newest: deque[DeadLetter] = deque(maxlen=limit or _LISTED)
        found = 0
        for letter in letters:
            newest.append(letter)
            found += 1
    if not newest:
        typer.echo("No dead letters.")
        return
    print_table(newest)
    if found > len(newest):
        typer.echo(f"The newest {len(newest):,} of {found:,}: --limit shows more.")


@app.command("show")
def show_letter(
    context: typer.Context,
    kind: JobKind,
    key: JobKey,
    channel: JobChannel = DEFAULT_CHANNEL,
    *,
    payload: WithPayload = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one dead letter: its attempts and last answer.

    Exits 1 if the relay holds no such job, or if it is not dead.
    """
    settings = with_broker(account_settings_of(context, channel=channel))
    with opened_queue(settings) as queue:
        view = held(queue, settings, kind, channel, key)
    if view.state != DEAD:
        raise NotHeldError(f"{view.key}: not dead but {view.state}; see `onport-relay show`")
    show_job(view, payload=payload, as_json=as_json)


@app.command("replay")
def replay(
    context: typer.Context,
    keys: Keys = None,
    kind: KindFilter = None,
    channel: ChannelFilter = None,
    status: StatusFilter = None,
    since: SinceFilter = None,
    *,
    everything: Everything = False,
) -> None:
    """Send dead letters again, with fresh attempts, after the live work of their lane.

    Takes keys, filters, or --all. Exits 1 if a key names no dead letter; the others are replayed.
    """
    choice = Choice(keys or (), filters_of(kind, channel, status, since), everything)
    settings = with_broker(account_settings_of(context, channel=channel))
    waker = CeleryWaker(broker_url(settings))
    with opened_queue(settings) as queue:

        def act(portion: Sequence[str]) -> int:
            replayed = queue.replay(portion)
            for lane in replayed.wake:
                waker.wake(queue.account, lane)
            return replayed.jobs

        dead, faults = choice.dead_keys(queue)
        _in_portions(dead, act, "replayed")
    _end(faults)


@app.command("discard")
def discard(
    context: typer.Context,
    keys: Keys = None,
    kind: KindFilter = None,
    channel: ChannelFilter = None,
    status: StatusFilter = None,
    since: SinceFilter = None,
    *,
    everything: Everything = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop dead letters for good; `export` keeps a copy.

    Takes keys, filters, or --all. Asks first, and is refused where nobody can answer. Exits 1 if a
    key names no dead letter; the others are discarded.
    """
    choice = Choice(keys or (), filters_of(kind, channel, status, since), everything)
    if not yes and not sys.stdin.isatty():
        raise UsageError("discard: asks before it drops anything; expected a terminal, or --yes")
    with opened_queue(with_broker(account_settings_of(context, channel=channel))) as queue:
        dead, faults = choice.dead_keys(queue)
        if dead and not yes and not typer.confirm(f"Discard {_letters(len(dead))}?", err=True):
            tell("nothing was discarded")
            raise typer.Exit(OFF)
        _in_portions(dead, queue.discard, "discarded")
    _end(faults)


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A new file; - is standard output.")
    ],
    kind: KindFilter = None,
    channel: ChannelFilter = None,
    status: StatusFilter = None,
    since: SinceFilter = None,
) -> None:
    """Write dead letters with their payloads to a file, one JSON object per line.

    The payloads are personal data: customers' names and addresses. The file is readable by you
    only, and is there only once it is whole.
    """
    filters = filters_of(kind, channel, status, since)
    clock = SystemClock()
    exported = 0
    with (
        opened_queue(with_broker(account_settings_of(context, channel=channel))) as queue,
        opened_letter_file(file) as opened,
    ):
        for letter in filters.letters(queue):
            line = document(letter, clock.wall())
            view = by_full_key(queue, letter.key)
            if view is None or view.state != DEAD:  # revived since it was listed
                continue
            opened.write(json.dumps(line | {"payload": content(view.fragments)}) + "\n")
            exported += 1
    if file != STANDARD_OUTPUT:
        typer.echo(f"{_letters(exported)} exported to {file}.")


def _in_portions(
    keys: Sequence[str], act: Callable[[Sequence[str]], int], what_was_done: str
) -> None:
    done = 0
    try:
        for start in range(0, len(keys), JOBS_PER_PUT):
            done += act(keys[start : start + JOBS_PER_PUT])
    except (RedisError, KeyboardInterrupt):
        tell(f"{_letters(done)} {what_was_done} before this; `dead list` shows what is left")
        raise
    typer.echo(f"{_letters(done)} {what_was_done}.")


def _letters(many: int) -> str:
    return counted(many, "dead letter")


def _end(faults: Sequence[str]) -> None:
    for fault in faults:
        tell(fault)
    raise typer.Exit(OFF if faults else GOOD)
