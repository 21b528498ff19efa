import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from onport_worker.embedded import EmbeddedBroker, running_url
from onport_worker.embedded.lock import holder_of

SUPERVISOR = """
import sys
from pathlib import Path
from onport_worker.embedded import EmbeddedBroker

print(EmbeddedBroker(Path(sys.argv[1])).start().url, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the server of a killed parent")
def test_a_server_leaves_when_its_supervisor_is_killed_and_keeps_what_it_was_told(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with supervisor:
        assert supervisor.stdout is not None
        url = supervisor.stdout.readline().strip()
        assert running_url(tmp_path) == url
        with redis.Redis.from_url(url) as client:
            client.set("order", "1")

        supervisor.kill()
        # The server holds the directory too: free again means gone.
        wait_until(lambda: holder_of(tmp_path) is None)

    with EmbeddedBroker(tmp_path) as broker, redis.Redis.from_url(broker.url) as client:
        assert client.get("order") == b"1"
        assert broker.url == url
