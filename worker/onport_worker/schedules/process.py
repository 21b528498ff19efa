"""The process of one run: `python -m onport_worker.schedules.process SCHEDULE FD`.

A shop's function may hang, leak or crash: here it does so alone. The settings are in the
environment. How it goes is written to a descriptor, a JSON object a line; the last one is the
report. TERM: what was read is put, and the report says `stopped`.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TextIO

from onport_producers import Producer
from onport_producers.schedule import Report, Work
from onport_queue.clock import Clock, SystemClock
from onport_queue.runs import Outcome, Tally
from onport_queue.settings import load_settings
from onport_worker.logs import configure
from onport_worker.stopping import Stopping

STOPS_WITHIN_S = 7.0
"""Told to stop, it ends itself after that: its lease must not go to another one before."""

_LOOK_S = 0.2


def line_of(report: Report | Tally) -> str:
    """Return how a run tells its tally, or its report."""
    return json.dumps(asdict(report)) + "\n"


def report_of(line: str) -> Report | Tally:
    """Read a line; a worker that was upgraded beneath its feet has newer processes than itself."""
    found = json.loads(line)
    if "outcome" not in found:
        return Tally(**_known(Tally, found))
    facts = _known(Report, found)
    tally = Tally(**_known(Tally, facts.pop("tally")))
    return Report(Outcome(facts.pop("outcome")), tally, **facts)


def main(arguments: Sequence[str]) -> None:
    """Run a schedule once."""
    name, descriptor = arguments
    settings, clock = load_settings(), SystemClock()
    configure(settings, f"schedule {name}")
    schedule = next(one for one in settings.schedules if one.name == name)
    with Stopping() as stopping, os.fdopen(int(descriptor), "w", buffering=1) as told:
        threading.Thread(target=_end_in_time, args=(stopping, clock), daemon=True).start()
        work = Work(
            schedule,
            settings,
            Producer(settings),
            clock,
            is_stopped=lambda: stopping.asked,
            told=lambda tally: _tell(told, tally),
        )
        _tell(told, work.run())


def _known(kind: type[Report | Tally], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _tell(told: TextIO, report: Report | Tally) -> None:
    told.write(line_of(report))


def _end_in_time(stopping: Stopping, clock: Clock) -> None:
    never = threading.Event()
    while not stopping.asked:
        clock.wait(never, _LOOK_S)
    clock.wait(never, STOPS_WITHIN_S)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
