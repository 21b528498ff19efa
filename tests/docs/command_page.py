"""docs/reference/command-line.md, as the commands themselves say it."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from functools import partial

import typer
from typer.core import TyperCommand, TyperGroup

from onport_sandbox.options import option_parser
from onport_worker.cli.app import PROGRAM, app

_INTRODUCTION = f"""\
# Command line

Generated from the code by `python -m tests.docs.reference`. Every command tells the same with
`--help`.

`./relay` in a checkout prepares what it needs and passes everything on: `./relay status` is
`{PROGRAM} status`. Only `./relay test`, `bench` and `dist` are its own; `./relay test --help` tells
about them.
"""


def command_page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    told = [section for command in _commands(PROGRAM, root) for section in command]
    return "\n".join([_INTRODUCTION, *told]) + "\n"


def _commands(called: str, command: TyperCommand | TyperGroup) -> Iterator[list[str]]:
    yield list(_told(called, command))
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            assert isinstance(inner, TyperCommand | TyperGroup)
            yield from _commands(f"{called} {name}", inner)


def _told(called: str, command: TyperCommand | TyperGroup) -> Iterator[str]:
    context = typer.Context(command, info_name=called)
    pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(context)]
    yield f"## {called}\n"
    yield f"```text\n{' '.join([called, *pieces])}\n```\n"
    assert command.help, f"{called} says nothing of itself"
    yield f"{command.help}\n"
    # Parameters that are no options of ours, --help for one, have no line of their own here.
    records = [parameter.get_help_record(context) for parameter in command.params]
    lines = [f"- `{names}`: {text}" for names, text in filter(None, records)]
    if lines:
        yield "\n".join(lines) + "\n"
    if command.epilog:
        yield f"{command.epilog}\n"
    if called == f"{PROGRAM} sandbox":
        yield f"```text\n{_sandbox_options()}```\n"


def _sandbox_options() -> str:
    """What the sandbox's own parser says, at one width whatever the terminal's is."""
    parser = option_parser()
    parser.usage = f"{PROGRAM} sandbox [options]"
    parser.formatter_class = partial(RawDescriptionHelpFormatter, width=100)
    return parser.format_help()
