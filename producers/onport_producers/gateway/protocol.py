"""HTTP connections that end when whoever opened them keeps the gateway waiting."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_CONNECTIONS = 4_096


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which knows for itself only how long a connection may be idle."""

    _owed: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def is_overdue(self) -> bool:
        """Return whether the client owes what it owed at the last call: a request, or reading."""
        owed = self._what_is_owed()
        is_overdue = owed is not None and owed is self._owed
        self._owed = owed
        return is_overdue

    def _what_is_owed(self) -> object:
        if self.transport.is_closing():
            return None
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return self  # nothing has come yet, or half a head
        if cycle.response_complete:
            return cycle if self.timeout_keep_alive_task is None else None
        return cycle if cycle.more_body or self.flow.write_paused else None
