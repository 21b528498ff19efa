"""The facts of the machine that figures depend on."""

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

from tests.benchmarks.results import Machine

import onport_worker
from onport_worker.embedded.binary import find_binary

_ROOT = Path(__file__).parents[2]


def machine() -> Machine:
    """Return this machine's facts."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        valkey=_valkey(),
        load=round(os.getloadavg()[0], 2),
    )


@cache
def relay_version() -> str:
    """Return the version of this checkout, with its commit if git tells it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    commit = f" ({told.stdout.strip()})" if told.returncode == 0 else ""
    return f"{onport_worker.__version__}{commit}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)$", facts, re.MULTILINE)
    return found[1] if found else platform.machine()


def _valkey() -> str:
    command = [str(find_binary()), "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\S+)", told)
    return found[1] if found else told.strip()
