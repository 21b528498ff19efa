"""The options of the command line, in the order of its help."""

import argparse
from pathlib import Path

from onport_sandbox.server import DEFAULT_HOST, DEFAULT_PORT
from onport_sandbox.settings import DEFAULT_HASH, Outage

_EPILOG = """\
The first line of the output tells the port: {"port": 8085, "url": "http://..."}.
Settings can be changed while it runs: PATCH /_sandbox/settings.
"""


def option_parser() -> argparse.ArgumentParser:
    """Return the parser; an option not given is None, so that the settings' defaults hold."""
    parser = argparse.ArgumentParser(
        prog="python -m onport_sandbox",
        description="A stand-in for the asynchronous inbound API of Onport.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_place(parser)
    _add_requests(parser)
    _add_pace(parser)
    _add_faults(parser)
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("where it runs").add_argument
    add(
        "--host",
        default=DEFAULT_HOST,
        metavar="ADDRESS",
        help="address to listen at (default: %(default)s)",
    )
    add(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        metavar="N",
        help="port to listen at; 0 takes a free one (default: %(default)s)",
    )
    add("--receipts", type=Path, metavar="PATH", help="append one JSON line per request to PATH")
    add(
        "--control-anywhere",
        action="store_true",
        help="let clients of other hosts use /_sandbox/ too",
    )
    add(
        "--attached",
        action="store_true",
        help="read one line of settings (JSON) from standard input, and stop when it ends",
    )


def _add_requests(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what it takes").add_argument
    add(
        "--hash",
        action="append",
        metavar="[NAME=]HASH",
        help="a valid webhook hash, repeatable; each is a channel, named by NAME or by its "
        f"position (default: {DEFAULT_HASH!r})",
    )
    add("--hash-status", type=int, metavar="STATUS", help="answer to a wrong hash (default: 401)")
    add("--max-items", type=int, metavar="N", help="most items of a batch (default: 50)")
    add(
        "--max-items-status",
        type=int,
        metavar="STATUS",
        help="answer to a batch of more (default: 422)",
    )
    add(
        "--max-body-bytes",
        type=int,
        metavar="N",
        help="size of the largest body; a larger one is answered 413 (default: 10000000)",
    )
    add(
        "--poison",
        action="append",
        metavar="KEY",
        help="refuse every request that carries this sku or externalId; repeatable",
    )
    add("--poison-status", type=int, metavar="STATUS", help="answer to those (default: 422)")


def _add_pace(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("pace").add_argument
    add(
        "--rate",
        type=float,
        metavar="R",
        help="requests per second, all endpoints together; more are answered 429 "
        "(default: no limit)",
    )
    add(
        "--burst",
        type=float,
        metavar="N",
        help="requests let through at once (default: R/10, 2 at least)",
    )
    add(
        "--retry-after",
        metavar="TEXT",
        help="header of a 429: 'seconds', 'date', 'absent' or a literal value (default: seconds)",
    )
    add("--latency-ms", type=float, metavar="MS", help="hold every answer back (default: 0)")
    add("--jitter-ms", type=float, metavar="MS", help="add up to this much to it (default: 0)")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("faults (each a share from 0 to 1)").add_argument
    add("--faults", type=float, metavar="F", help="spread F evenly over the three kinds below")
    add("--error", type=float, metavar="F", help="answer an error, apply nothing")
    add("--error-status", type=int, metavar="STATUS", help="that error (default: 503)")
    add("--timeout", type=float, metavar="F", help="apply, but never answer")
    add("--reset", type=float, metavar="F", help="reset the connection, apply nothing")
    add(
        "--reset-applied",
        action=argparse.BooleanOptionalAction,
        help="apply a request before its connection is reset",
    )
    add(
        "--hold-seconds",
        type=float,
        metavar="S",
        help="longest time to hold a connection without an answer (default: 60)",
    )
    add(
        "--outage",
        choices=[outage.value for outage in Outage],
        help="answer all requests with a status, reset them, or let them hang (default: off)",
    )
    add("--outage-status", type=int, metavar="STATUS", help="that status (default: 503)")
    add("--seed", type=int, metavar="N", help="where the draws of faults start (default: 0)")
