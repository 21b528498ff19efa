"""Calls that block, made by threads while an event loop goes on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


async def in_thread(
    threads: Executor,
    call: Callable[_Arguments, _Result],
    *arguments: _Arguments.args,
    **options: _Arguments.kwargs,
) -> _Result:
    """Return what a call returns that one of these threads makes."""
    bound = partial(call, *arguments, **options)
    return await asyncio.get_running_loop().run_in_executor(threads, bound)
