"""What the page on schedules and the settings file show can be used as it stands."""

import re
from pathlib import Path
from types import ModuleType

from onport_queue.jobs import link_job
from onport_queue.names import Kind
from onport_queue.settings import load_settings


def block(page: Path, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_s_settings_are_sound(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(block(root / "docs/schedules.md", "toml"))
    timings = [schedule.timing for schedule in load_settings(file).schedules]
    assert timings == ["every 5m", "cron 30 2 * * mon-fri Europe/Berlin"]


def test_the_page_s_function_yields_links(root: Path) -> None:
    module = ModuleType("links")
    exec(block(root / "docs/schedules.md", "python"), module.__dict__)
    (item,) = module.discontinued()
    assert link_job(Kind.DISCONNECT, item).warnings == ()


def test_the_settings_file_s_example_is_sound(root: Path, tmp_path: Path) -> None:
    text = (root / "config/relay.toml").read_text()
    example = text[text.index("# [[schedules]]") :]
    file = tmp_path / "relay.toml"
    file.write_text(re.sub(r"^# ", "", example, flags=re.MULTILINE))
    assert [schedule.name for schedule in load_settings(file).schedules] == ["acknowledge-links"]
