import json

import pytest

from onport_producers.schedule import Report
from onport_queue.runs import Outcome, Tally
from onport_worker.schedules.process import line_of, report_of

TALLY = Tally(accepted=5, unchanged=1, refused=2, warnings=3, spooled=4)


@pytest.mark.parametrize(
    "told", [TALLY, Report(Outcome.FAILED, TALLY, "line 3: sku: missing", again=True)]
)
def test_what_a_run_tells_is_read_as_it_was(told: Report | Tally) -> None:
    assert report_of(line_of(told)) == told


def test_what_a_newer_process_tells_is_read_as_far_as_it_is_known() -> None:
    line = json.loads(line_of(Report(Outcome.DONE, TALLY)))
    line["tally"]["newer"] = line["newer"] = 1
    assert report_of(json.dumps(line)) == Report(Outcome.DONE, TALLY)
