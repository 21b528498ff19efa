"""An open-loop client: requests go out at even intervals, whatever the answers take.

A closed loop waits for each answer and so sends nothing while the server stalls: it omits, in
coordination with the server, the very requests that would have waited. Here each is counted from
the moment it was due.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from onport_queue.clock import SystemClock

_PATH = "/webhooks/custom-channels/manual-sale.json"
_CONNECTIONS = 64
_ANSWERS_WITHIN_S = 30.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Served:
    """What became of the requests.

    Attributes:
        per_s: how many were sent a second.
        waits_ms: how long each waited from when it was due, shortest first.
        answers: status and state of each, in the order in which they were sent; of one whose answer
            never came the status is 0.
    """

    per_s: float
    waits_ms: tuple[float, ...]
    answers: tuple[tuple[int, str], ...]

    @property
    def failed(self) -> int:
        """How many were answered otherwise than 200, or not at all."""
        return sum(status != 200 for status, _ in self.answers)


def serve_evenly(
    address: tuple[str, int], secret: str, per_s: float, seconds: float, prefix: str = "open"
) -> Served:
    """Send sales of 1 KB at even intervals, and return what became of them."""
    return asyncio.run(_Client(address, secret, prefix).run(per_s, seconds))


def sale(prefix: str, number: int) -> dict[str, object]:
    """Return the sale of 1 KB that the so-manieth request carries."""
    return {
        "externalId": f"{prefix}-{number}",
        "saleDefaults": {"reference": f"#{number}"},
        "lineItems": [{"externalId": "1", "variant": {"sku": "S"}, "note": "x" * 850}],
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of the sorted ones do not exceed."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


class _Client:
    def __init__(self, address: tuple[str, int], secret: str, prefix: str) -> None:
        self._address = address
        self._secret = secret
        self._prefix = prefix
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._waits_ms: list[float] = []
        self._answers: dict[int, tuple[int, str]] = {}

    async def run(self, per_s: float, seconds: float) -> Served:
        for _ in range(_CONNECTIONS):
            self._idle.append(await asyncio.open_connection(*self._address))
        began = _CLOCK.monotonic_s()
        many = int(per_s * seconds)
        async with asyncio.TaskGroup() as group:
            for number in range(many):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - _CLOCK.monotonic_s()))
                group.create_task(self._send(number, due))
        for _, writer in self._idle:
            writer.close()
        answers = tuple(self._answers.get(number, (0, "")) for number in range(many))
        return Served(per_s, tuple(sorted(self._waits_ms)), answers)

    async def _send(self, number: int, due: float) -> None:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                self._answers[number] = await self._ask(number)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        self._waits_ms.append((_CLOCK.monotonic_s() - due) * 1000)

    async def _ask(self, number: int) -> tuple[int, str]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not writer.is_closing() and not reader.at_eof():
                break
            writer.close()
        else:
            reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(self._request(number))
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return int(head.split()[1]), str(json.loads(body).get("state", ""))

    def _request(self, number: int) -> bytes:
        body = json.dumps(sale(self._prefix, number)).encode()
        head = (
            f"POST {_PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
            f"jetti-webhook-hash: {self._secret}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
