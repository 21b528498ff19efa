"""Connections that owe something for too long, against a real server's protocol."""

import asyncio

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from onport_producers.gateway.protocol import MOST_CONNECTIONS, PatientProtocol

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    del scope
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def connected(state: ServerState) -> tuple[PatientProtocol, Wire]:
    """Return a new connection and its wire."""
    config = uvicorn.Config(echo, ws="none", lifespan="off", log_config=None, timeout_keep_alive=60)
    protocol, wire = PatientProtocol(config, state, {}), Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_whoever_sends_nothing_or_half_a_head_is_overdue_at_the_second_look() -> None:
    async def scenario() -> None:
        silent, _ = connected(ServerState())
        assert [silent.is_overdue(), silent.is_overdue()] == [False, True]
        half, _ = connected(ServerState())
        half.data_received(HEAD[:20])
        assert [half.is_overdue(), half.is_overdue()] == [False, True]

    asyncio.run(scenario())


def test_whoever_keeps_back_the_body_is_overdue_at_the_second_look() -> None:
    async def scenario() -> None:
        slow, _ = connected(ServerState())
        slow.data_received(HEAD + b"{")
        await settle()
        assert [slow.is_overdue(), slow.is_overdue()] == [False, True]

    asyncio.run(scenario())


def test_a_connection_between_two_requests_is_never_overdue_but_half_a_next_head_is() -> None:
    async def scenario() -> None:
        kept, wire = connected(ServerState())
        for _ in range(3):
            kept.data_received(HEAD + b"{}")
            await settle()
            assert not kept.is_overdue()
        assert wire.written.count(b"200 OK") == 3
        kept.data_received(HEAD[:20])
        assert [kept.is_overdue(), kept.is_overdue()] == [False, True]

    asyncio.run(scenario())


def test_a_new_request_at_each_look_is_not_overdue() -> None:
    async def scenario() -> None:
        busy, _ = connected(ServerState())
        for _ in range(3):
            busy.data_received(HEAD + b"{")
            await settle()
            assert not busy.is_overdue()
            busy.data_received(b"}")
            await settle()

    asyncio.run(scenario())


def test_whoever_does_not_read_its_answer_is_overdue() -> None:
    async def scenario() -> None:
        deaf, _ = connected(ServerState())
        deaf.data_received(HEAD + b"{}")
        deaf.pause_writing()
        assert [deaf.is_overdue(), deaf.is_overdue()] == [False, True]
        deaf.resume_writing()
        await settle()

    asyncio.run(scenario())


def test_of_too_many_connections_the_last_is_closed() -> None:
    async def scenario() -> None:
        state = ServerState()
        state.connections = {connected(ServerState())[0] for _ in range(MOST_CONNECTIONS)}
        _, wire = connected(state)
        assert wire.is_closed

    asyncio.run(scenario())
