"""A worker that needs no endpoint: it claims, and settles as the test says."""

import secrets
import threading
from types import TracebackType
from typing import Self

from onport_queue.flight import Answer, Delivered, Gate, Granted, Retry, Settlement, Wait
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue

DELIVERED = Settlement((Delivered(),), Answer.ACCEPTED, status="200")
FAILED = Settlement((Retry(1_000),), Answer.FAILED, status="503", text="upstream is down")


class Clerk:
    """Works through an account's queue at the allowed rate, for as long as the context lasts."""

    def __init__(self, queue: Queue, settings: Settings, outcome: Settlement = DELIVERED) -> None:
        self.outcome = outcome
        self._queue = queue
        self._names = [f"{lane}@shop" for lane in Lane]
        prints = dict.fromkeys(settings.channel_names, ("",))
        self._gate = Gate(settings.rate, batch_items=settings.batch_items, prints=prints)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            for name in self._names:
                self._queue.look(tuple(Lane), worker=name, prints=self._gate.prints)
            claim = self._queue.claim(Lane.LOW, self._gate, secrets.token_hex(8))
            pause_s = min(claim.seconds, 0.2) if isinstance(claim, Wait) else 0.05
            if isinstance(claim, Granted):
                one = self.outcome
                verdicts = [one.verdicts[0]] * len(claim.items)
                settlement = Settlement(verdicts, one.answer, status=one.status, text=one.text)
                self._queue.settle(claim.lease, settlement)
                pause_s = 0.0
