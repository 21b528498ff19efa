"""What an operator may do from the page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from onport_producers.wakeup import Waker
from onport_queue.clock import Clock
from onport_queue.letters import Filters
from onport_queue.log import Log
from onport_queue.names import Kind, Lane
from onport_queue.picture.text import printable
from onport_queue.puts import JOBS_PER_PUT
from onport_queue.scopes import ACCOUNT
from onport_queue.store import Queue

_log = Log(__name__)

_LONGEST_PAUSE_S = 366 * 86_400
_Key = Annotated[str, Field(min_length=1, max_length=1_000)]


class NoSuchScopeError(Exception):
    """A scope that can't be paused: it is none, or of another account."""


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account: str


class Pause(_Wish):
    """Send nothing of the scope, for so many seconds or until resumed."""

    scope: str
    seconds: float | None = Field(None, gt=0, le=_LONGEST_PAUSE_S)
    reason: str = Field("", max_length=200)


class Resume(_Wish):
    """End the pauses of the scope, whatever their cause."""

    scope: str = Field(min_length=1)


class Letters(_Wish):
    """Dead letters by their keys, or by what they are.

    Of the latter only those that were dead when they were listed, `as_of_ms`: whoever decided has
    seen no others.
    """

    keys: tuple[_Key, ...] = Field((), max_length=JOBS_PER_PUT)
    kind: Kind | None = None
    channel: str | None = None
    status: str | None = None
    as_of_ms: int | None = None


class Actions:
    """Does it, and says so in the log."""

    def __init__(
        self,
        queues: Mapping[str, Queue],
        channels: Mapping[str, Sequence[str]],
        waker: Waker,
        clock: Clock,
    ) -> None:
        self._queues = queues
        self._channels = channels
        self._waker = waker
        self._clock = clock

    def pause(self, wish: Pause) -> int:
        """Pause; return 1.

        Raises:
            NoSuchScopeError: there is nothing of that name to pause.
        """
        scopes = pausable(self._channels[wish.account])
        if wish.scope not in scopes:
            raise NoSuchScopeError(
                f"scope: {wish.scope!r} is none; expected one of {', '.join(scopes)}"
            )
        queue = self._queues[wish.account]
        queue.pause(wish.scope, wish.seconds, printable(wish.reason))
        _log.warning("page_paused", account=wish.account, scope=wish.scope)
        return 1

    def resume(self, wish: Resume) -> int:
        """Resume; return how many pauses there were."""
        ended = self._queues[wish.account].resume(wish.scope)
        _log.warning("page_resumed", account=wish.account, pauses=ended)
        return ended

    def replay(self, wish: Letters) -> int:
        """Make dead letters pending; return how many were dead."""
        queue = self._queues[wish.account]

        def act(portion: Sequence[str]) -> int:
            replayed = queue.replay(portion)
            for lane in replayed.wake:
                self._waker.wake(wish.account, lane)
            return replayed.jobs

        def tell(letters: int) -> None:
            _log.warning("page_replayed", account=wish.account, letters=letters)

        return self._in_portions(wish, act, tell)

    def discard(self, wish: Letters) -> int:
        """Drop dead letters for good; return how many were dead."""

        def tell(letters: int) -> None:
            _log.warning("page_discarded", account=wish.account, letters=letters)

        return self._in_portions(wish, self._queues[wish.account].discard, tell)

    def _in_portions(
        self, wish: Letters, act: Callable[[Sequence[str]], int], tell: Callable[[int], None]
    ) -> int:
        """Act on so many at a time; tell, whatever happens, on how many."""
        keys = wish.keys or self._meant(wish)
        done = 0
        try:
            for start in range(0, len(keys), JOBS_PER_PUT):
                done += act(keys[start : start + JOBS_PER_PUT])
        finally:
            tell(done)
        return done

    def _meant(self, wish: Letters) -> list[str]:
        if wish.as_of_ms is None:
            return []
        filters = Filters(wish.kind, wish.channel, wish.status)
        keys: list[str] = []
        for page in self._queues[wish.account].dead_pages():
            # Read when the page has come: the more time seems to have passed, the fewer letters
            # are old enough. What is in doubt stays.
            elapsed_ms = self._clock.wall().timestamp() * 1000 - wish.as_of_ms
            keys += (
                letter.key
                for letter in page
                if letter.died_ms_ago >= elapsed_ms and filters.match(letter)
            )
        return keys


def pausable(channels: Sequence[str]) -> list[str]:
    """Return the scopes of an account with these channels."""
    return [
        ACCOUNT,
        *(f"lane:{lane}" for lane in Lane),
        *(f"channel:{channel}" for channel in channels),
        *(f"endpoint:{channel}:{kind}" for channel in channels for kind in Kind),
    ]
