"""Prometheus's files: sound, tested, and each alert with a section that says what to do."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

RequireTool = Callable[[str], Path]


def alerts(root: Path) -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((root / "config/alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "config/prometheus.yml"),
        ("check", "rules", "config/alerts.yml"),
        ("test", "rules", "tests/contracts/alerts.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_nothing(
    root: Path, require_tool: RequireTool, command: tuple[str, ...]
) -> None:
    promtool = str(require_tool("promtool"))
    done = subprocess.run(
        [promtool, *command], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_each_alert_is_tested_when_it_fires_and_when_it_does_not(root: Path) -> None:
    cases = [
        case
        for test in yaml.safe_load((root / "tests/contracts/alerts.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in alerts(root)}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_each_alert_says_how_grave_it_is_and_where_the_page_says_what_to_do(root: Path) -> None:
    known = anchors(root / "docs/monitoring.md")
    for rule in alerts(root):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in known) == ("docs/monitoring.md", True), rule["alert"]
