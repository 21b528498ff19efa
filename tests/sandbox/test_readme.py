import json
import re
from pathlib import Path

from onport_sandbox import Receipt
from onport_sandbox.changes import FAULTS, SETTING_NAMES

README = (Path(__file__).parents[2] / "sandbox" / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_example_runs() -> None:
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})


def test_the_receipt_shown_is_one() -> None:
    (shown,) = blocks("json")
    Receipt.from_line(json.dumps(json.loads(shown)).encode())


def test_every_setting_is_explained() -> None:
    assert [name for name in (*SETTING_NAMES, FAULTS) if f"`{name}`" not in README] == []
