"""What ends the server when its supervisor is killed and can't end it any more."""

import fcntl
import os
import signal
import sys


class Leash:
    """A pipe that only this process keeps open; when this process dies, the server gets SIGTERM.

    The kernel sends it: the server has the reading end (``fd``), which reports the loss of the last
    writer by a signal to its owner. The usual way, ``prctl(PR_SET_PDEATHSIG)``, needs Python code
    between fork and exec, which may deadlock in a process with threads (and warns since 3.12), and
    it fires already when the *thread* that started the server ends. Linux only: elsewhere a server
    may outlive a killed supervisor, and the lock's message names its pid.
    """

    def __init__(self) -> None:
        self.fd, self._held = os.pipe()

    def tie(self, pid: int) -> None:
        """Have the process ended with this one."""
        if sys.platform == "linux":
            fcntl.fcntl(self.fd, fcntl.F_SETOWN, pid)
            fcntl.fcntl(self.fd, fcntl.F_SETSIG, signal.SIGTERM)
            fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)

    def drop(self) -> None:
        """Let go, once the server is gone."""
        os.close(self._held)
        os.close(self.fd)
