import os
import subprocess
import sys

from tests.benchmarks.processor import cpu_s, session_cpu_s

_BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"


def test_a_sessions_time_is_that_of_all_its_processes() -> None:
    # A shell that leads the session and does nothing, and a child of it that works.
    command = ["sh", "-c", f'{sys.executable} -c "$1"; exit 0', "sh", _BUSY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()

        assert session_cpu_s({shell.pid}) > 0.2
        assert cpu_s(shell.pid) < 0.2

        shell.communicate(b"\n")


def test_a_session_that_is_gone_has_used_nothing() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        process.wait()

    assert session_cpu_s({process.pid}) == 0


def test_others_are_not_counted() -> None:
    assert session_cpu_s({os.getpid() + 1_000_000}) == 0
