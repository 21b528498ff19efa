"""The control addresses: settings, counts, reset and health, for the host's own clients."""

from ipaddress import IPv6Address, ip_address

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from onport_sandbox.changes import changed_settings, settings_document
from onport_sandbox.documents import parse_document
from onport_sandbox.errors import SettingsError
from onport_sandbox.sandbox import Sandbox

CONTROL_PREFIX = "/_sandbox"


def control_app(sandbox: Sandbox, *, anywhere: bool) -> ASGIApp:
    """Return the application of the control addresses; every other path is not found.

    They answer clients on this host only, unless `anywhere` is set.
    """

    async def show_settings(_: Request) -> Response:
        return JSONResponse(settings_document(sandbox.settings, reveal_hashes=False))

    async def change_settings(request: Request) -> Response:
        try:
            document = parse_document(await request.body())
        except ValueError:
            return _error(400, "expected a body of JSON")
        try:
            settings = changed_settings(sandbox.settings, document)
        except SettingsError as error:
            return _refused(error)
        reseed = isinstance(document, dict) and "seed" in document
        sandbox.change(settings, reseed=reseed)
        return JSONResponse(settings_document(settings, reveal_hashes=False))

    async def show_stats(_: Request) -> Response:
        return JSONResponse(sandbox.stats().to_document())

    async def reset(_: Request) -> Response:
        sandbox.reset()
        return JSONResponse(settings_document(sandbox.settings, reveal_hashes=False))

    async def show_health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    controls = Starlette(
        routes=[
            Route("/settings", show_settings, methods=["GET"]),
            Route("/settings", change_settings, methods=["PATCH"]),
            Route("/stats", show_stats, methods=["GET"]),
            Route("/reset", reset, methods=["POST"]),
            Route("/healthz", show_health, methods=["GET"]),
        ]
    )
    guarded = controls if anywhere else _LoopbackOnly(controls)
    return Starlette(routes=[Mount(CONTROL_PREFIX, app=guarded)])


class _LoopbackOnly:
    """Answers clients on this host, and forbids the others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None and is_loopback(client[0]):
            await self._app(scope, receive, send)
        else:
            forbidden = _error(403, "control is for loopback clients; see --control-anywhere")
            await forbidden(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Say whether `host` is an address of this host alone; a name never is."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # A socket that takes both families shows 127.0.0.1 as ::ffff:127.0.0.1.
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _error(status: int, message: str) -> Response:
    return JSONResponse({"status": "error", "message": message}, status)


def _refused(error: SettingsError) -> Response:
    problems = [
        {"field": problem.field, "value": problem.value, "expected": problem.expected}
        for problem in error.problems
    ]
    return JSONResponse({"status": "error", "message": str(error), "problems": problems}, 422)
