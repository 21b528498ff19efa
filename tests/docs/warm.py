"""`onport-relay`, loaded once: each call is a fork of it, since the pages hold a hundred calls.

python warm.py SOCKET     serves until standard input ends
"""

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

CALL = """\
#!{python} -IS
import json, os, socket, sys

arguments = sys.argv[1:]
if arguments[:1] in (["test"], ["dist"]):
    sys.exit("./relay " + arguments[0] + ": not here; say '<!-- not run: WHY -->' before the block")
if "DOCS_COLD" in os.environ:
    os.execv({python!r}, [{python!r}, "-P", "-m", "onport_worker.cli", *arguments])
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect({address!r})
    call = {{"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}}
    socket.send_fds(server, [json.dumps(call).encode()], [0, 1, 2])
    sys.exit(int(server.recv(16) or b"70"))
"""
"""A program that passes its call on; or, where a page lets it run on, becomes the real one."""


def main(address: str) -> None:
    """Serve calls."""
    from onport_worker.cli.app import main as relay  # noqa: PLC0415 - as late as a real call does

    gc.freeze()  # else each fork copies what it only looks at for garbage
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(address)
        door.listen()
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:
            call, _ = door.accept()
            with call:
                if os.fork() == 0:
                    _answer(call)
                    relay()
            _bury()


def _answer(call: socket.socket) -> None:
    """Return in the process that is to run; in the one that waits for it, end with its code."""
    message, files, _, _ = socket.recv_fds(call, 1 << 20, 3)
    if child := os.fork():
        if call.fileno() in select.select([call.fileno(), os.pidfd_open(child)], [], [])[0]:
            os.kill(child, signal.SIGTERM)  # whoever called is gone
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(BrokenPipeError):
            call.send(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    asked = json.loads(message)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv[1:] = asked["arguments"]


def _bury() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main(sys.argv[1])
