import subprocess
import sys

import pytest
from tests.worker.cli.conftest import Run

import onport_worker.cli
from onport_worker import __version__

COMMANDS = [
    *("dead", "demo", "doctor", "pause", "rate", "resume", "sandbox", "send", "show", "status"),
    "up",
]
SCHEDULES = [f"schedules {command}" for command in ("list", "run", "history")]
LETTERS = [f"dead {command}" for command in ("list", "show", "replay", "discard", "export")]


def test_the_entry_point_is_all_there_is() -> None:
    assert onport_worker.cli.__all__ == ["main"]
    assert callable(onport_worker.cli.main)


def test_the_version_is_printed(run_alone: Run) -> None:
    result = run_alone("--version")

    assert (result.exit_code, result.stdout) == (0, f"onport-relay {__version__}\n")


def test_the_help_names_every_command(run_alone: Run) -> None:
    result = run_alone("--help")

    assert result.exit_code == 0
    assert all(f" {command} " in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, *LETTERS, *SCHEDULES])
def test_every_command_has_help(command: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "onport_worker.cli", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0
    assert "usage" in ran.stdout.lower()
    assert ran.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["send"],
        ["show", "sale"],
        ["dead", "nonsense"],
        ["rate", "-1"],
    ],
)
def test_a_wrong_call_exits_2(run_alone: Run, arguments: list[str]) -> None:
    result = run_alone(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_sandbox_gets_its_own_options() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "onport_worker.cli", "sandbox", "--rate", "nonsense", "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert "--rate: invalid float value: 'nonsense'" in ran.stderr
