import os
import subprocess
import sys
from pathlib import Path

import pytest

from onport_queue.settings import ENVIRONMENT_PREFIX


@pytest.mark.parametrize("process", ["worker -P threads -Q high", "beat"])
def test_what_is_wrong_with_the_settings_is_told_in_lines_and_not_tried_again(
    process: str, tmp_path: Path
) -> None:
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "celery", "-A", "onport_worker.app", "-q", *process.split()],
        env={**others, "ONPORT_RELAY_RATE": "-1", "ONPORT_RELAY_WEBHOOK_HASH_FILE": "/no/such"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    # 2 is what no supervisor starts again: RestartPreventExitStatus in config/systemd.
    assert ended.returncode == 2
    assert ended.stderr == (
        "onport-relay: webhook_hash: ONPORT_RELAY_WEBHOOK_HASH_FILE names /no/such, which can't "
        "be read: No such file or directory\n"
        "rate: Input should be greater than 0\n"
    )
