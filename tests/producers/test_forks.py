import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from onport_producers.forks import ForkSafeLock

# Prints the state of its first put, and what was imported for it.
FIRST_PUT = """
import sys
from onport_producers import Producer
relay = Producer.from_config()
before = set(sys.modules)
print(relay.create_sale({"externalId": "1"}).state, sorted(set(sys.modules) - before))
"""


def test_a_child_finds_the_lock_free_that_a_thread_of_its_parent_holds() -> None:
    lock, taken, done = ForkSafeLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    pid = os.fork()
    if pid == 0:
        with lock:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    done.set()
    holder.join()
    with lock:
        pass


@pytest.mark.usefixtures("redis_client")
@pytest.mark.parametrize("state", ["pending", "spooled"])
def test_a_put_imports_nothing_which_a_fork_could_leave_half_done(
    broker_url: str, tmp_path: Path, state: str
) -> None:
    # By name: looking one up needs a codec.
    url = broker_url.replace("127.0.0.1", "localhost")
    away = "redis://localhost:1/0"
    environment = {
        "ONPORT_RELAY_REDIS_URL": url if state == "pending" else away,
        "ONPORT_RELAY_SPOOL_PATH": str(tmp_path / "spool.db"),
        "PATH": os.environ["PATH"],
    }

    done = subprocess.run(
        [sys.executable, "-c", FIRST_PUT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{state} []\n", done.stderr
