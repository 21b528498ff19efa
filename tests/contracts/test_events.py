"""What is logged: every event has a name of one form, and the page tells what it means."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from onport_queue.events import EventName

LEVELS = {"debug", "info", "warning", "error"}
OF_CRASHES = "tell_crash"
OURS = {"event", "level", "logger", "process", "pid", "timestamp"}
"""Fields that every line has; a fact of that name would hide one."""

_ROW = re.compile(r"^\| `([a-z_]+)` \| ([a-z, ]+) \| .+ \|$", re.MULTILINE)


def calls(files: list[Path]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield level, event and facts of every call that logs a constant."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=logger, attr=level),
                    args=[ast.Constant(value=str(event))],
                ) if level in LEVELS and ast.unparse(logger).endswith("log"):
                    yield level, event, [keyword.arg or "" for keyword in node.keywords]
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(event)), _]) if (
                    name == OF_CRASHES
                ):
                    yield "error", event, []


def sources(root: Path, files: list[Path]) -> list[Path]:
    packages = [root / member for member in ("queue", "producers", "worker")]
    return [
        file
        for file in files
        if file.suffix == ".py" and any(file.is_relative_to(package) for package in packages)
    ]


def test_the_page_has_every_event_at_its_level(root: Path, checkout_files: list[Path]) -> None:
    logged: dict[str, set[str]] = defaultdict(set)
    for level, event, _ in calls(sources(root, checkout_files)):
        logged[event].add(level)
    _, heading, section = (root / "docs/monitoring.md").read_text().partition("\n## Logs\n")
    assert heading
    told = {event: set(levels.split(", ")) for event, levels in _ROW.findall(section)}

    learnt = {name.value for name in EventName}
    assert {event: told[event] for event in told if event not in learnt} == {
        event: levels for event, levels in logged.items() if event not in learnt
    }
    # These two are logged by nobody: an operator does the one, the other is `broker_emptied`.
    assert learnt - told.keys() == {"rate_set", "emptied"}


def test_a_fact_hides_nothing_that_every_line_has(root: Path, checkout_files: list[Path]) -> None:
    facts = {fact for _, _, its in calls(sources(root, checkout_files)) for fact in its}

    assert {"account", "error", "lease"} <= facts
    assert facts & OURS == set()


def test_nothing_of_ours_logs_otherwise(root: Path, checkout_files: list[Path]) -> None:
    allowed = {root / "queue/onport_queue/log.py", root / "worker/onport_worker/logs.py"}
    others = [
        file
        for file in sources(root, checkout_files)
        if file not in allowed and "logging.getLogger(__name__)" in file.read_text()
    ]

    assert others == []
