"""Whatever befalls it, the relay loses nothing. The long run: ./relay test --chaos."""

import os
from pathlib import Path

import pytest
from tests.acceptance.chaos import storm

SECONDS = 25.0
SEED = int(os.environ.get("RELAY_SEED", "1"))


@pytest.mark.timeout(300)
def test_nothing_is_lost_in_a_storm(tmp_path: Path) -> None:
    outcome = storm(tmp_path, seconds=SECONDS, seed=SEED)
    print(outcome)
    assert outcome.faults == (), f"seed {SEED}; histories in {tmp_path}\n{outcome}"
    assert outcome.samples > 0
    assert outcome.verdict.arrived > 100
