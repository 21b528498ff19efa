"""`status --watch` as a process: on a terminal, and without one."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from tests.worker.cli.conftest import Run, put

from onport_queue.store import Queue

COMMAND = (sys.executable, "-P", "-m", "onport_worker.cli", "status", "--watch")
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
WaitUntil = Callable[..., None]


@dataclass
class Terminal:
    """A process on a terminal of 80 by 24, and all that it has written."""

    process: subprocess.Popen[bytes]
    side: int
    written: str = ""
    _reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def picture(self) -> str:
        """The text of the last picture: what was written since it was begun."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written.rpartition("Onport Relay, ")[2])

    def interrupt(self) -> int:
        """End it as Ctrl-C does; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        code = self.process.wait(20)
        self._reader.join()
        return code

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self.side, 65_536)
            except OSError:  # the other side was closed
                return
            if not read:
                return
            self.written += read.decode(errors="replace")


@pytest.fixture
def terminal(
    broker_url: str, redis_client: redis.Redis, tmp_path: Path
) -> Iterator[Callable[..., Terminal]]:
    del redis_client
    started: list[Terminal] = []

    def start(*options: str, **environment: str) -> Terminal:
        side, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        given = {"TERM": "xterm-256color", "ONPORT_RELAY_REDIS_URL": broker_url} | environment
        process = subprocess.Popen(
            [*COMMAND, *options],
            env={**os.environ, **given},
            cwd=tmp_path,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)
        started.append(Terminal(process, side))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.end()
        os.close(one.side)


def test_on_a_terminal_the_numbers_change_live_and_ctrl_c_gives_it_back(
    terminal: Callable[..., Terminal], queue: Queue, wait_until: WaitUntil
) -> None:
    put(queue, "1")
    one = terminal()
    wait_until(lambda: "1 high, 0 low" in one.picture, within_s=30)

    put(queue, "2", "3")
    wait_until(lambda: "3 high, 0 low" in one.picture, within_s=30)

    assert one.interrupt() == 0
    assert ENTERED in one.written.partition("Onport")[0]
    assert LEFT in one.written.rpartition("Imbalance")[2]


def pictures(broker_url: str, folder: Path, *options: str) -> subprocess.Popen[str]:
    """Watch where no terminal is."""
    return subprocess.Popen(
        [*COMMAND, *options],
        env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker_url},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_without_a_terminal_it_prints_one_picture_after_the_other(
    broker_url: str, queue: Queue, tmp_path: Path
) -> None:
    put(queue, "1")
    process = pictures(broker_url, tmp_path)
    assert process.stdout is not None
    with process.stdout as stdout:
        pending = (line for line in stdout if line.startswith("Pending"))
        assert next(pending) == "Pending    1 high, 0 low\n"
        put(queue, "2")
        assert any(line == "Pending    2 high, 0 low\n" for line in pending)
        process.send_signal(signal.SIGTERM)
        assert "\x1b" not in stdout.read()
    assert process.wait(20) == 0


def test_for_a_script_it_is_an_object_a_look_and_exits_1_if_something_is_off_at_the_end(
    broker_url: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    process = pictures(broker_url, tmp_path, "--json")
    assert process.stdout is not None
    with process.stdout as stdout:
        assert json.loads(next(stdout))["rate"]["used"] is None
        redis_client.hset("onport-relay:{default}:ledger", "accepted", 1)
        found = next(one for line in stdout if (one := json.loads(line))["imbalance"])
        process.send_signal(signal.SIGINT)
        stdout.read()
    assert found["rate"]["used"] == 0.0
    assert process.wait(20) == 1


def test_every_without_watch_is_refused(run: Run) -> None:
    result = run("status", "--every", "5s")

    assert result.exit_code == 2
    assert "--every: only with --watch" in result.stderr


def test_an_interval_that_is_none_is_refused(run: Run) -> None:
    result = run("status", "--watch", "--every", "often")

    assert result.exit_code == 2
    assert "--every 'often': expected a whole number and s, m, h or d" in result.stderr


def test_where_no_broker_is_named_it_does_not_wait_for_one(run_alone: Run) -> None:
    result = run_alone("status", "--watch")

    assert result.exit_code == 2
    assert "redis_url: missing" in result.stderr
