"""The command line: `onport-relay`."""

from onport_worker.cli.app import main

__all__ = ["main"]
