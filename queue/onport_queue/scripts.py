"""The queue's Lua scripts: one file each, what they share before every one."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TypeAlias, cast

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, ResponseError

from onport_queue.errors import NewerFormatError

Reply: TypeAlias = "bytes | int | list[Reply]"

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
)
"""The files of lua/shared, each using only those before it."""


_DECLARED = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)
_COMMENT = re.compile(r"--.*")
# A pipeline's errors have words of their own before it.
_NEWER = re.compile(r"NEWERFORMAT (.*)")


@cache
def source(name: str) -> str:
    """Return the complete text of a script: its own file, after what it uses of the shared ones."""
    flags = "" if name in _REFUSED_AT_MEMORY_LIMIT else " flags=allow-oom"
    own = _text(f"{name}.lua")
    # In a function of its own: Lua allows 200 local names in each.
    return "\n".join(
        (f"#!lua{flags}", *_used_by(own), "local function run()", own, "end", "return run()")
    )


def _used_by(own: str) -> Sequence[str]:
    # Each call of a script makes all that stands before it anew, which is a third of a small one.
    words, used = _words(own), list[str]()
    for part in reversed(_SHARED):
        text = _text(f"shared/{part}.lua")
        declared = {one for found in _DECLARED.findall(text) for one in found.split(", ")}
        if declared & words:
            used.insert(0, text)
            words |= _words(text)
    return used


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", _COMMENT.sub("", text)))


def _text(path: str) -> str:
    return (files("onport_queue") / "lua" / path).read_text(encoding="utf-8")


class Scripts:
    """Runs the scripts of one account; each call is one atomic step and one round trip."""

    def __init__(self, redis: Redis, base_key: str) -> None:
        self._redis = redis
        self._base_key = base_key
        self._registered: dict[str, Script] = {}

    def run(self, name: str, arguments: Sequence[str | bytes | int | float]) -> Reply:
        """Run a script by its digest; its text travels only when the server does not know it."""
        with _newer_format_told():
            return cast("Reply", self._script(name)(keys=[self._base_key], args=arguments))

    def run_replicated(
        self,
        name: str,
        arguments: Sequence[str | bytes | int | float],
        *,
        replicas: int,
        timeout_ms: int,
    ) -> tuple[Reply, int]:
        """Run a script and wait for replicas; return its reply and how many of them have it."""
        script = self._script(name)

        def run_and_wait() -> tuple[Reply, int]:
            # WAIT speaks of what its own connection wrote, so both go over one.
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.evalsha(script.sha, 1, self._base_key, *arguments)
            pipeline.wait(replicas, timeout_ms)
            reply, reached = pipeline.execute()
            return reply, reached

        with _newer_format_told():
            try:
                return run_and_wait()
            except NoScriptError:
                self._redis.script_load(script.script)
                return run_and_wait()

    def _script(self, name: str) -> Script:
        script = self._registered.get(name)
        if script is None:
            script = self._registered[name] = self._redis.register_script(source(name))
        return script


@contextmanager
def _newer_format_told() -> Iterator[None]:
    """Tell a queue that a newer release has written from whatever else a script may refuse."""
    try:
        yield
    except ResponseError as error:
        if found := _NEWER.search(str(error)):
            raise NewerFormatError(found[1]) from None
        raise
