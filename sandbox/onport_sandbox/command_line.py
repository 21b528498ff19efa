"""The command line: from options to a running sandbox, and an exit status."""

import argparse
import json
import sys
from collections.abc import Sequence

from onport_sandbox.attachment import read_settings_line, watch_end
from onport_sandbox.changes import FAULTS, SETTING_NAMES, changed_settings
from onport_sandbox.channels import hashes_by_channel
from onport_sandbox.documents import Json
from onport_sandbox.errors import SettingsError
from onport_sandbox.options import option_parser
from onport_sandbox.server import Stop, base_url, serve
from onport_sandbox.settings import SandboxSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a sandbox as `arguments` say, until it is told to stop; return the exit status."""
    parser = option_parser()
    options = parser.parse_args(arguments)
    stop = Stop()
    try:
        settings = chosen_settings(options)
        if options.attached:
            settings = changed_settings(settings, read_settings_line())
            watch_end(stop.request)
    except (SettingsError, ValueError) as error:
        parser.error(str(error))
    try:
        serve(
            settings,
            host=options.host,
            port=options.port,
            receipts=options.receipts,
            control_anywhere=options.control_anywhere,
            ready=lambda port: _report(options.host, port),
            stop=stop,
        )
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"onport_sandbox: cannot serve {options.host}:{options.port}: {error}\n")
        return 1
    return 0


def chosen_settings(options: argparse.Namespace) -> SandboxSettings:
    """Return the settings that the options name, with the defaults for the others.

    Raises:
        SettingsError: An option is out of its range.
        ValueError: Two hashes are of one channel.
    """
    given: dict[str, Json] = {
        name: value
        for name, value in vars(options).items()
        if value is not None and name in {*SETTING_NAMES, FAULTS}
    }
    if options.hash:
        given["hashes"] = {**hashes_by_channel(options.hash)}
    return changed_settings(SandboxSettings(), given)


def _report(host: str, port: int) -> None:
    sys.stdout.write(json.dumps({"port": port, "url": base_url(host, port)}) + "\n")
    sys.stdout.flush()
