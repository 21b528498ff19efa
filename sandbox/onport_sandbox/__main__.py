"""Runs a sandbox in the foreground: `python -m onport_sandbox --help`."""

import sys

from onport_sandbox.command_line import main

if __name__ == "__main__":
    sys.exit(main())
