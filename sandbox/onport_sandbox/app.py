"""The application: builds the sandbox and sends each request where it belongs."""

from starlette.types import ASGIApp, Receive, Scope, Send

from onport_sandbox.clock import Clock, SystemClock
from onport_sandbox.control import control_app
from onport_sandbox.endpoints import ENDPOINT_BY_PATH
from onport_sandbox.inbound import answer_inbound
from onport_sandbox.receipts import NoReceipts, Receipts
from onport_sandbox.sandbox import Sandbox
from onport_sandbox.settings import SandboxSettings


def create_app(
    settings: SandboxSettings | None = None,
    *,
    clock: Clock | None = None,
    receipts: Receipts | None = None,
    control_anywhere: bool = False,
) -> ASGIApp:
    """Return a sandbox as an ASGI application.

    Under a server other than `serve`, a reset shows as an error of the application.

    Args:
        settings: How it answers at first; the defaults if None.
        clock: The times of limits and receipts; the host's if None.
        receipts: Where receipts go; nowhere if None.
        control_anywhere: Whether the control addresses answer clients of other hosts.
    """
    sandbox = Sandbox(
        settings or SandboxSettings(),
        clock=clock or SystemClock(),
        receipts=NoReceipts() if receipts is None else receipts,
    )
    control = control_app(sandbox, anywhere=control_anywhere)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # One lookup instead of a router: benchmarks run against these four paths.
        endpoint = ENDPOINT_BY_PATH.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None:
            await control(scope, receive, send)
        else:
            await answer_inbound(sandbox, endpoint, scope, receive, send)

    return app
