"""The queue's Lua scripts: one file each, what they share before them, together one library."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TypeAlias, cast

from redis import Redis
from redis.exceptions import ResponseError

from onport_queue.errors import NewerFormatError

Reply: TypeAlias = "bytes | int | list[Reply]"

SCRIPTS = (
    "alerts",
    "claim",
    "compact",
    "control",
    "dead",
    "delivered",
    "discard",
    "forget",
    "look",
    "put",
    "renew",
    "replay",
    "schedule",
    "settle",
    "settle_and_claim",
    "show",
    "states",
    "stats",
)
"""The files of lua/, each a function of the library, using only those before it."""

# Everything but put must go on when Redis is at its memory limit: it frees memory, or leads there,
# as the end of a pause does.
_REFUSED_AT_MEMORY_LIMIT = frozenset({"put"})

_SHARED = (
    "names",
    "clock",
    "workers",
    "history",
    "fold",
    "streams",
    "putting",
    "digests",
    "pauses",
    "rate",
    "gate",
    "refusals",
    "sizes",
    "landing",
    "calls",
)
"""The files of lua/shared, each using only those before it."""

# A pipeline's errors have words of their own before it.
_NEWER = re.compile(r"NEWERFORMAT (.*)")
_UNKNOWN = "Function not found"


@cache
def library() -> str:
    """Return the complete text of the library, a function of Redis for each script.

    Functions, since EVALSHA makes all that a script shares with others anew in each call, which was
    a third of a small one.
    """
    shared = (_text(f"shared/{part}.lua") for part in _SHARED)
    scripts = (
        f"function scripts.{name}()\n{_text(f'{name}.lua')}\nend\n"
        f"register('{function(name)}', {_flags(name)}, scripts.{name})"
        for name in SCRIPTS
    )
    return "\n".join((f"#!lua name=onport_relay_{_digest()}", *shared, *scripts))


def function(name: str) -> str:
    """Return what the server calls a script.

    Of another release it has another name, so that both may work on one server.
    """
    return f"onport_relay_{name}_{_digest()}"


@cache
def _digest() -> str:
    paths = (*(f"shared/{part}.lua" for part in _SHARED), *(f"{name}.lua" for name in SCRIPTS))
    return hashlib.sha256("".join(map(_text, paths)).encode()).hexdigest()[:12]


def _flags(name: str) -> str:
    return "{}" if name in _REFUSED_AT_MEMORY_LIMIT else "{ 'allow-oom' }"


def _text(path: str) -> str:
    return (files("onport_queue") / "lua" / path).read_text(encoding="utf-8")


class Scripts:
    """Runs the scripts of one account; each call is one atomic step and one round trip."""

    def __init__(self, redis: Redis, base_key: str) -> None:
        self._redis = redis
        self._base_key = base_key

    def run(self, name: str, arguments: Sequence[str | bytes | int | float]) -> Reply:
        """Run a script; its text travels only when the server does not know it."""
        with _newer_format_told():
            try:
                reply = self._redis.fcall(function(name), 1, self._base_key, *arguments)
            except ResponseError as error:
                self._teach(error)
                reply = self._redis.fcall(function(name), 1, self._base_key, *arguments)
            return cast("Reply", reply)

    def run_replicated(
        self,
        name: str,
        arguments: Sequence[str | bytes | int | float],
        *,
        replicas: int,
        timeout_ms: int,
    ) -> tuple[Reply, int]:
        """Run a script and wait for replicas; return its reply and how many of them have it."""

        def run_and_wait() -> tuple[Reply, int]:
            # WAIT speaks of what its own connection wrote, so both go over one.
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.fcall(function(name), 1, self._base_key, *arguments)
            pipeline.wait(replicas, timeout_ms)
            reply, reached = pipeline.execute()
            return reply, reached

        with _newer_format_told():
            try:
                return run_and_wait()
            except ResponseError as error:
                self._teach(error)
                return run_and_wait()

    def _teach(self, error: ResponseError) -> None:
        """Load the library if that is what was wrong; else raise the error again."""
        if _UNKNOWN not in str(error):
            raise error
        # Another process may be doing the same.
        self._redis.function_load(library(), replace=True)


@contextmanager
def _newer_format_told() -> Iterator[None]:
    """Tell a queue that a newer release has written from whatever else a script may refuse."""
    try:
        yield
    except ResponseError as error:
        if found := _NEWER.search(str(error)):
            raise NewerFormatError(found[1]) from None
        raise
