"""The page on what the doctor finds has a line for each finding, and each is seen by a test."""

import re
from pathlib import Path

import pytest

from onport_worker.cli.doctor.finding import Ailment

_ROW = re.compile(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_has_one_line_for_each_finding_in_their_order(root: Path) -> None:
    rows = _ROW.findall((root / "docs/troubleshooting.md").read_text())

    assert [name for name, _, _ in rows] == [ailment.value for ailment in Ailment]


@pytest.mark.parametrize("ailment", Ailment)
def test_each_finding_has_a_test_that_brings_it_about(root: Path, ailment: Ailment) -> None:
    tests = (root / "tests/worker/cli/doctor").glob("test_*.py")

    assert any(re.search(rf"\bAilment\.{ailment.name}\b", path.read_text()) for path in tests)
