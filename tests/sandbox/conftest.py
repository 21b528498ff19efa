"""Shared fixtures: a way to ask an application in process, and one running sandbox per module."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest
from starlette.types import ASGIApp

from onport_sandbox import SandboxProcess, SandboxSettings

Ask = Callable[..., httpx.Response]


def _ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    content: bytes | str = b"",
    json: object | None = None,
    headers: Mapping[str, str] | None = None,
    client: str = "127.0.0.1",
) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as session:
            given = {"jetti-webhook-hash": "sandbox", "content-type": "application/json"}
            given.update(headers or {})
            if json is None:
                return await session.request(method, path, content=content, headers=given)
            return await session.request(method, path, json=json, headers=given)

    return asyncio.run(ask())


@pytest.fixture(scope="session")
def ask() -> Ask:
    return _ask


@pytest.fixture(scope="module")
def module_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(SandboxSettings()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox: SandboxProcess) -> SandboxProcess:
    module_sandbox.reset()
    return module_sandbox
