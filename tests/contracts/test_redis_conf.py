import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from onport_worker.embedded.binary import find_binary


@pytest.fixture(scope="module")
def shipped_socket(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A socket of a server that runs with the shipped file."""
    directory = tmp_path_factory.mktemp("shipped")
    command: list[str | Path] = [find_binary(), root / "config" / "redis.conf"]
    command += ["--port", "0", "--unixsocket", "s", "--dir", directory]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL) as server:
        yield directory / "s"
        server.terminate()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("aof-use-rdb-preamble", "no"),
        ("aof-load-truncated", "yes"),
        ("maxmemory-policy", "noeviction"),
        ("maxmemory", "0"),
        ("save", ""),
        ("protected-mode", "yes"),
        ("tcp-keepalive", "60"),
    ],
)
def test_a_server_takes_the_shipped_file(
    shipped_socket: Path,
    wait_until: Callable[[Callable[[], bool]], None],
    name: str,
    value: str,
) -> None:
    wait_until(shipped_socket.exists)
    with redis.Redis(unix_socket_path=str(shipped_socket)) as client:
        assert client.config_get(name) == {name: value}
