"""The proxy does to a connection what a network may."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.acceptance.proxy import Proxy

from onport_queue.clock import SystemClock

CLOCK = SystemClock()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy before a server that echoes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        with Proxy(server.getsockname()[1]) as running:
            yield running
        server.shutdown(socket.SHUT_RDWR)


def serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1_000):
                connection.sendall(data)
        except OSError:
            return


@contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=1) as client:
        yield client


def echoed(client: socket.socket) -> bytes:
    client.sendall(b"hello")
    return client.recv(100)


def test_it_passes_everything_on(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert echoed(client) == b"hello"


def test_it_delays_each_way(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.delay(0.1)
        began = CLOCK.monotonic_s()
        assert echoed(client) == b"hello"
        assert CLOCK.monotonic_s() - began >= 0.2


def test_cut_connections_are_gone_and_new_ones_taken(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert echoed(client) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            assert echoed(client) == b"never"
    with connected(proxy) as client:
        assert echoed(client) == b"hello"


def test_swallowed_connections_stay_open_and_silent_until_healed(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.swallow()
        with pytest.raises(TimeoutError):
            echoed(client)
        proxy.heal()
    with connected(proxy) as client:
        assert echoed(client) == b"hello"


def test_it_refuses_and_listens_again_at_the_same_port(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError), connected(proxy):
        pass
    proxy.heal()
    with connected(proxy) as client:
        assert echoed(client) == b"hello"
