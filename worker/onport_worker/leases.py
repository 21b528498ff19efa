"""The leases this process holds: renewed in the background, asked before every send."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError

from onport_queue.clock import Clock
from onport_queue.log import Log
from onport_queue.store import Queue

# A renewal that failed is tried again this soon, whatever the term.
_RETRY_S = 1.0


@dataclass(slots=True)
class _Held:
    ends_s: float
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A lease with nothing settled yet, and whether its request may have gone out."""

    lease: str
    sent: bool


class Leases:
    """Knows until when each lease is surely ours, by a clock that counts suspends."""

    def __init__(self, queue: Queue, clock: Clock, term_s: float) -> None:
        self._queue = queue
        self._log = Log(__name__, account=queue.account)
        self._clock = clock
        self._term_s = term_s
        self._held: dict[str, _Held] = {}
        self._asked: set[str] = set()
        self._unsure: set[str] = set()
        self._is_withdrawn = False
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._renew_until_stopped, name="leases", daemon=True
        )

    def start(self) -> None:
        """Begin to renew in the background, three times a term."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def asking(self, lease: str) -> Iterator[None]:
        """Hold on to a lease while it is claimed: of a claim that fails nobody knows the outcome.

        It may have been granted. Then nobody would send its jobs until it expires, and if that
        happened to one job three times it would pass for poison; so it is released later.
        """
        with self._lock:
            self._asked.add(lease)
        try:
            yield
        except RedisError:
            with self._lock:
                self._unsure.add(lease)
            raise
        finally:
            with self._lock:
                self._asked.discard(lease)

    def hold(self, lease: str, claimed_at_s: float) -> None:
        """Note a lease that was claimed by a call begun at this monotonic time."""
        with self._lock:
            self._held[lease] = _Held(claimed_at_s + self._term_s)

    def let_out(self, lease: str, at_least_s: float) -> bool:
        """Return whether a lease is ours for longer than that; then its request may be out.

        Asked and noted in one step: what is withdrawn as not sent is never sent after it.
        """
        with self._lock:
            is_ours = self.left_s(lease) > at_least_s
            if is_ours:
                self._held[lease].sent = True
            return is_ours

    def drop(self, lease: str) -> None:
        """Forget a lease that has been settled."""
        with self._lock:
            self._held.pop(lease, None)

    def left_s(self, lease: str) -> float:
        """Return for how long the lease is surely still ours; not positive: it is not."""
        with self._lock:
            held = None if self._is_withdrawn else self._held.get(lease)
            return (held.ends_s if held else 0.0) - self._clock.monotonic_s()

    def unanswered(self) -> tuple[Unanswered, ...]:
        """Return all that is not settled, also what may have been claimed without our knowing."""
        with self._lock:
            held = [Unanswered(lease, held.sent) for lease, held in self._held.items()]
            return (*held, *(Unanswered(lease, sent=False) for lease in self._asked | self._unsure))

    def withdraw(self) -> tuple[Unanswered, ...]:
        """From now on let nothing out, whatever is claimed; return what is to be released.

        Once it is released another worker may send it at once.
        """
        with self._lock:
            self._is_withdrawn = True
            return self.unanswered()

    def renew(self) -> None:
        """Give every lease that is still ours a new term; forget those that are not."""
        self._release_unsure()
        began = self._clock.monotonic_s()
        with self._lock:
            ours = [lease for lease, held in self._held.items() if held.ends_s > began]
        if not ours:
            return
        renewed = self._queue.renew(ours, round(self._term_s * 1000))
        with self._lock:
            for lease in ours:
                if held := self._held.get(lease):
                    held.ends_s = began + self._term_s if lease in renewed else 0.0

    def _release_unsure(self) -> None:
        with self._lock:
            unsure = tuple(self._unsure)
        for lease in unsure:
            self._queue.release(lease, sent=False)
            with self._lock:
                self._unsure.discard(lease)

    def _renew_until_stopped(self) -> None:
        pause_s = self._term_s / 3
        while not self._clock.wait(self._stop, pause_s):
            try:
                self.renew()
                pause_s = self._term_s / 3
            except RedisError as error:
                pause_s = _RETRY_S
                self._log.warning("lease_renewal_failed", error=type(error).__name__)
