import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.benchmarks.page import PAGE, render
from tests.benchmarks.results import Result

_ROOT = Path(__file__).parents[2]
_WITHIN_S = 100


@contextmanager
def bench(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a bench whose temporary directories are in a folder, by which its processes are known."""
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    with subprocess.Popen(command, cwd=_ROOT, env=os.environ | {"TMPDIR": str(folder)}) as process:
        try:
            yield process
        finally:
            process.kill()


def of_bench(folder: Path) -> set[int]:
    """Return the processes of a bench that live, itself included."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            # The broker overwrites what it was started with.
            if bytes(folder) in told or (process / "cwd").readlink().is_relative_to(folder):
                found.add(int(process.name))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def test_a_smoke_run_has_all_rows_and_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    who = ("relay", "relay-put", "celery", "httpx-loop", "lpush")
    options = [word for name in who for word in ("--contender", name)]

    with bench(tmp_path, "--smoke", "drain", "enqueue", "--json", str(path), *options) as process:
        assert process.wait(_WITHIN_S) == 0

    kept = [Result.model_validate(one) for one in json.loads(path.read_text())["results"]]
    drain, enqueue = kept
    assert [row.contender for row in drain.rows] == ["relay", "celery", "httpx-loop"]
    assert [row.contender for row in enqueue.rows] == ["relay", "relay-put", "celery", "lpush"]
    for result in kept:
        for row in result.rows:
            assert row.failures == ()
            assert set(row.values) == {figure.name for figure in result.figures}
            first = row.median(result.figures[0].name)
            assert first is not None
            assert first > 0
    assert "## enqueue" in render({result.bench: result for result in kept})[PAGE]
    assert of_bench(tmp_path) == set()


def test_ctrl_c_ends_everything_that_runs(
    tmp_path: Path,
    wait_until: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    # The bench, the broker, the sandbox, and the publisher or a worker.
    many = 4

    with bench(tmp_path, "--smoke", "drain", "--contender", "celery") as process:
        wait_until(lambda: len(of_bench(tmp_path)) >= many, within_s=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(_WITHIN_S) == 130

    wait_until(lambda: not of_bench(tmp_path))
    assert "interrupted" in capfd.readouterr().err
