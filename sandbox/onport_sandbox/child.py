"""The child process of a sandbox: spawned, given its settings, waited for, stopped."""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from onport_sandbox.changes import settings_document
from onport_sandbox.documents import parse_document
from onport_sandbox.errors import SandboxProcessError
from onport_sandbox.fields import Fields
from onport_sandbox.settings import SandboxSettings

_STOP_SECONDS = 2.0
_PACKAGE_ROOT = Path(__file__).resolve().parent.parent


def spawn(receipts: Path) -> subprocess.Popen[bytes]:
    """Return a new child, attached to this process and waiting for its settings."""
    command = [sys.executable, "-P", "-m", "onport_sandbox", "--attached", "--port", "0"]
    return subprocess.Popen(  # noqa: S603 (our own interpreter, no shell)
        [*command, "--receipts", os.fspath(receipts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=_environment(),
        # Ctrl-C goes to the whole foreground group: when to stop the child is its parent's choice.
        start_new_session=True,
    )


def start(child: subprocess.Popen[bytes], settings: SandboxSettings, timeout: timedelta) -> int:
    """Give the child its settings and return the port it listens at.

    Raises:
        SandboxProcessError: It ended, or did not get ready in time.
    """
    if child.stdin is None or child.stdout is None:
        raise SandboxProcessError("child: got no pipes, expected one in and one out")
    line = json.dumps(settings_document(settings, reveal_hashes=True)).encode() + b"\n"
    # Reading the port has no timeout of its own; a killed child ends the read.
    deadline = threading.Timer(timeout.total_seconds(), child.kill)
    deadline.daemon = True
    deadline.start()
    try:
        # A child that has ended already says why below: by its exit status.
        with suppress(BrokenPipeError):
            child.stdin.write(line)
        return Fields(parse_document(child.stdout.readline())).integer("port")
    except ValueError as error:
        child.kill()
        raise SandboxProcessError(
            f"child {child.pid}: ended with status {child.wait()}, expected it to report a port "
            f"within {timeout.total_seconds():g} s"
        ) from error
    finally:
        deadline.cancel()


def stop(child: subprocess.Popen[bytes]) -> None:
    """Stop the child, by force if it takes too long."""
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _environment() -> dict[str, str]:
    """Return this process's environment, in which the child finds this very package."""
    path = [os.fspath(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
