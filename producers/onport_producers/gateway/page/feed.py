"""One look a second, however many watch; none while nobody does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeGuard

MOST_VIEWERS = 50
EVERY_S = 1.0


class FullError(Exception):
    """As many watch as may."""


class Feed:
    """Hands each look to everybody who watches; of the same event loop.

    Whoever reads slowly misses looks, and never gets an old one.

    Args:
        look: what is shown; called in a thread.
        executor: the thread.
        every_s: the time between two looks.
    """

    def __init__(
        self, look: Callable[[], bytes], executor: Executor, *, every_s: float = EVERY_S
    ) -> None:
        self._look = look
        self._executor = executor
        self._every_s = every_s
        self._viewers = 0
        self._looking: asyncio.Task[None] | None = None
        self._latest: bytes | None = None
        self._next: asyncio.Future[bytes | None] | None = None
        self._has_ended = False

    @property
    def viewers(self) -> int:
        """How many watch."""
        return self._viewers

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Watch for as long as the context lasts.

        Raises:
            FullError: all seats are taken.
        """
        if self._viewers >= MOST_VIEWERS:
            raise FullError
        self._viewers += 1
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers and self._looking is not None:
                self._looking.cancel()
                self._looking = self._latest = None

    async def looks(self) -> AsyncIterator[bytes]:
        """Yield the latest look, and each that follows, until the end."""
        if self._latest is not None:
            yield self._latest
        while not self._has_ended:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.get_running_loop().create_task(self._look_on())
            if self._next is None or self._next.done():
                self._next = asyncio.get_running_loop().create_future()
            # Shielded: that one viewer leaves must not end it for the others.
            look = await asyncio.shield(self._next)
            if look is not None:
                yield look

    def end(self) -> None:
        """End it for everybody who watches."""
        self._has_ended = True
        if self._is_awaited(self._next):
            self._next.set_result(None)

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._has_ended:
            try:
                self._latest = await loop.run_in_executor(self._executor, self._look)
            except Exception as error:
                if self._is_awaited(self._next):
                    self._next.set_exception(error)
                raise
            if self._is_awaited(self._next):
                self._next.set_result(self._latest)
            await asyncio.sleep(self._every_s)

    @staticmethod
    def _is_awaited(
        look: "asyncio.Future[bytes | None] | None",
    ) -> "TypeGuard[asyncio.Future[bytes | None]]":
        return look is not None and not look.done()
