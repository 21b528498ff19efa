"""./relay bench: measure the relay, and what others would use instead, in one run on this machine.

Everything runs on loopback, in temporary directories, and ends by itself; Ctrl-C ends it at once.
A full run of a bench, with all contenders, is kept in tests/benchmarks/results/, from which
docs/benchmarks.md is generated; every other run is only shown.
"""

import argparse
import json
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.benchmarks import contenders, page
from tests.benchmarks.bench import Bench, Extent, Plan, planned_s
from tests.benchmarks.catalogue import BENCHES
from tests.benchmarks.environments import Environments, default_folder
from tests.benchmarks.machine import machine
from tests.benchmarks.results import Result, save
from tests.benchmarks.rounds import run
from tests.benchmarks.shown import show

from onport_queue.clock import SystemClock

_RUNS = {"full": 5, "quick": 1, "smoke": 1}
_BUSY = 0.25
"""Load of each core from which on a machine is not idle."""
_WHO: Mapping[Extent, Collection[str]] = {
    "full": contenders.NAMES,
    "quick": ("relay", "celery"),
    "smoke": contenders.OURS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches named; return 1 if a trial failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    strangers = set(options.contender or ()) - set(_WHO[options.extent])
    if options.extent == "smoke" and strangers:
        parser.error(f"--smoke: {min(strangers)} needs an environment of its own; leave --smoke")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = {name: BENCHES[name] for name in options.bench or BENCHES}
    if options.page:
        page.write()
        return 0
    if options.list:
        _list(chosen, options)
        return 0
    _warn_of_load()
    plan = _plan(options)
    results = []
    for bench in chosen.values():
        result = run(bench, plan, SystemClock())
        results.append(result)
        # At once: what is done stays done if the next one is interrupted.
        if _is_whole(options):
            print(f"bench: kept in {save(result)}", file=sys.stderr)
            page.write()
        _write(options.json, results)
    for result in results:
        show(result, Console(highlight=False))
    return 1 if any(row.failures for result in results for row in result.rows) else 0


def _plan(options: argparse.Namespace) -> Plan:
    names = options.contender or _WHO[options.extent]
    who = (
        contenders.in_this_environment(names)
        if options.extent == "smoke"
        else contenders.contenders(names, Environments(options.envs))
    )
    runs = options.runs or _RUNS[options.extent]
    return Plan(extent=options.extent, runs=runs, seed=options.seed, contenders=who)


def _warn_of_load() -> None:
    facts = machine()
    if facts.load > facts.cores * _BUSY:
        told = f"load {facts.load:g} on {facts.cores} cores"
        print(f"bench: the machine is busy ({told}); the figures will tell that", file=sys.stderr)


def _is_whole(options: argparse.Namespace) -> bool:
    runs = options.runs or _RUNS["full"]
    return options.extent == "full" and not options.contender and runs >= _RUNS["full"]


def _write(path: Path | None, results: Sequence[Result]) -> None:
    if path is not None:
        document = {"results": [result.model_dump(mode="json") for result in results]}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _list(chosen: Mapping[str, Bench[Any]], options: argparse.Namespace) -> None:
    runs = options.runs or _RUNS[options.extent]
    names = options.contender or _WHO[options.extent]
    total = 0.0
    for bench in chosen.values():
        seconds = planned_s(bench, options.extent, runs, names)
        total += seconds
        cells = len(bench.cells(options.extent))
        print(
            f"{bench.name:16} {cells:3} cells  about {seconds / 60:6.1f} min  "
            f"{bench.question.split('.')[0]}"
        )
    print(f"{'all':27}about {total / 60:6.1f} min, {runs} run(s) of each by {', '.join(names)}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from 1")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./relay bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bench",
        nargs="*",
        choices=[[], *BENCHES],
        metavar="NAME",
        help=f"{', '.join(BENCHES)} (default: all)",
    )
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument(
        "--quick",
        dest="extent",
        action="store_const",
        const="quick",
        help="one cell of each bench once, the relay and plain Celery; under 8 minutes",
    )
    extent.add_argument(
        "--smoke",
        dest="extent",
        action="store_const",
        const="smoke",
        help="seconds of each bench, to see that all of it works; the figures mean nothing",
    )
    parser.set_defaults(extent="full")
    parser.add_argument("--list", action="store_true", help="what would run, and for how long")
    parser.add_argument(
        "--page", action="store_true", help="generate docs/benchmarks.md anew, and run nothing"
    )
    parser.add_argument("--runs", type=_count, help="instead of 5 (with --quick or --smoke: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each adds one")
    parser.add_argument(
        "--contender",
        action="append",
        choices=contenders.NAMES,
        help="only this one, and may be given more than once",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument(
        "--envs",
        type=Path,
        metavar="DIR",
        default=default_folder(),
        help="where the peers' environments are kept (%(default)s); the first run fills it",
    )
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("bench: interrupted; nothing runs any more", file=sys.stderr)
        sys.exit(130)
