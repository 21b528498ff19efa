"""What pages mention in a sentence exists: commands, options, settings, files, tests, states."""

import re
import shlex
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
import typer
from tests.docs.blocks import ROOT, pages
from typer.core import TyperCommand, TyperGroup

from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_worker.cli.app import app

PAGES = [*pages(), "SECURITY.md"]
OUR_FOLDERS = ("tests/", "config/", "docs/", "queue/", "producers/", "worker/", "sandbox/", ".ci/")

_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_CALL = re.compile(r"^(?:\./relay|onport-relay) (.+)", re.DOTALL)
_PLACEHOLDER = re.compile(r"[A-Z]+|\.{3}|…")
_TEST = re.compile(r"\btest_\w{20,}")


def code(page: str) -> list[str]:
    """What stands between backticks in the sentences of a page."""
    text = _FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in _CODE.findall(text)]


def faults(call: str) -> Iterator[str]:
    """What is wrong with a call of our command line, as far as its words can tell."""
    command: object = typer.main.get_command(app)
    words = iter(shlex.split(call))
    for word in words:
        assert isinstance(command, TyperCommand | TyperGroup)
        if word in {"-", "-h", "--help"} or _PLACEHOLDER.fullmatch(word):
            continue
        if word.startswith("-"):
            name, _, value = word.partition("=")
            option = next((each for each in command.params if name in each.opts), None)
            if option is None:
                yield f"{name} is no option of {command.name}"
            elif not getattr(option, "is_flag", False) and not value:
                next(words, None)
        elif isinstance(command, TyperGroup):
            if word not in command.commands:
                yield f"{word} is no command of {command.name}"
                return
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_sentence_are_commands(page: str) -> None:
    calls = [call[1] for found in code(page) if (call := _CALL.match(found))]
    ours = [call for call in calls if call.split()[0] not in {"test", "bench", "dist", "sandbox"}]

    assert [(call, fault) for call in ours for fault in faults(call)] == []


def test_a_command_that_is_none_is_noticed() -> None:
    assert list(faults("dead list --stauts 422")) == ["--stauts is no option of list"]
    assert list(faults("dead lsit")) == ["lsit is no command of dead"]
    assert list(faults("--account us dead list --status 422")) == []


@pytest.mark.parametrize("page", PAGES)
def test_the_files_of_a_sentence_are_there(page: str) -> None:
    named = [word for found in code(page) for word in found.split()]
    files = [word.rstrip(",;:") for word in named if word.startswith(OUR_FOLDERS)]
    modules = [f"{word.replace('.', '/')}.py" for word in named if word.startswith("tests.")]
    found = [*files, *modules]

    assert [name for name in found if not name.count("*") and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_of_a_sentence_are_tests(page: str) -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = {name for found in code(page) for name in _TEST.findall(found)}

    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_variables_of_a_page_are_settings(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(rf"{ENVIRONMENT_PREFIX}([A-Z][A-Z_]*[A-Z])\b", text))
    beside = {"CONFIG", "VALKEY_BIN", "OUTBOX_DSN"}
    fields = {name.upper() for name in Settings.model_fields} | beside

    def is_one(name: str) -> bool:
        return name.partition("__")[0] in fields or name.removesuffix("_FILE") in fields

    assert sorted(name for name in named if not is_one(name)) == []


def drawn(name: str) -> set[str]:
    root = ET.parse(ROOT / "docs" / name).getroot()
    return {text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_states_drawn_are_those_of_the_code() -> None:
    stats = (ROOT / "queue/onport_queue/lua/stats.lua").read_text()
    states = {"pending", "waiting", "delayed", "dead", "in flight"}

    assert states | {"delivered"} <= drawn("lifecycle.svg")
    assert {state for state in states if state.replace(" ", "_") not in stats} == set()


def test_what_the_architecture_names_is_in_the_code() -> None:
    scripts = {path.stem for path in (ROOT / "queue/onport_queue/lua").rglob("*.lua")}
    modules = {path.stem for path in ROOT.glob("producers/onport_producers/*")}
    of_the_worker = {path.stem for path in ROOT.glob("worker/onport_worker/*")}

    assert {"put", "claim", "settle", "gate"} <= drawn("architecture.svg") & scripts
    assert {"gateway", "outbox", "imports", "schedule", "spool"} <= drawn(
        "architecture.svg"
    ) & modules
    assert {"drain", "delivery"} <= drawn("architecture.svg") & of_the_worker
