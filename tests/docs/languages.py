"""How a block of each language is parsed, and run."""

import csv
import io
import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.docs.blocks import Block
from tests.docs.stage import Stage

from onport_queue.settings import load_settings

Tool = Callable[[str], Path]
"""Asks for a tool of the machine, as the fixture `require_tool` does."""

_NAMED = re.compile(r"^(?://|#) ([\w./-]+\.\w+)\n")
_COMMAND = re.compile(r"^ *(?:\$ |\./relay |curl |pip |celery )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Language:
    """What is done with its blocks; `run` says more than `parse` does."""

    parse: Callable[[Block, Stage, Tool], object]
    run: Callable[[Block, Stage, Tool], object]


def _file(block: Block, stage: Stage, ending: str) -> Path:
    """Write a block to the file that its first line names, else to one of its own."""
    named = _NAMED.match(block.text)
    name = named[1] if named else f"block-{block.line}.{ending}"
    return stage.write(name, stage.local(block.text))


def _parse_sh(block: Block, stage: Stage, tool: Tool) -> None:
    del tool
    stage.run(["bash", "-n", _file(block, stage, "sh")], block)


def _run_sh(block: Block, stage: Stage, tool: Tool) -> None:
    for name in ("curl", "openssl", "redis-cli"):
        if re.search(rf"\b{name}\b", block.text):
            tool(name)
    stage.shell(block)


def _parse_python(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    compile(block.text, block.place, "exec")


def _run_python(block: Block, stage: Stage, tool: Tool) -> None:
    del tool
    path = _file(block, stage, "py")
    added = [use for held, use in stage.uses.items() if held in block.text]
    path.write_text("\n".join([path.read_text(), *added]))
    stage.program([sys.executable, "-W", "error", path], block)


def _run_toml(block: Block, stage: Stage, tool: Tool) -> None:
    del tool
    settings = load_settings(_file(block, stage, "toml"))
    assert settings.model_fields_set, f"{block.place}: sets nothing"


def _parse_js(block: Block, stage: Stage, tool: Tool) -> None:
    stage.run([tool("node"), "--check", _file(block, stage, "mjs")], block)


def _run_js(block: Block, stage: Stage, tool: Tool) -> None:
    stage.program([tool("node"), _file(block, stage, "mjs")], block)


def _php(block: Block, stage: Stage) -> Path:
    path = _file(block, stage, "php")
    if not path.read_text().startswith("<?php"):
        path.write_text(f"<?php\n{path.read_text()}")
    return path


def _parse_php(block: Block, stage: Stage, tool: Tool) -> None:
    stage.run([tool("php"), "-l", _php(block, stage)], block)


def _run_php(block: Block, stage: Stage, tool: Tool) -> None:
    said = stage.program([tool("php"), "-d", "error_reporting=-1", _php(block, stage)], block)
    assert "Warning:" not in said, f"{block.place}: {said}"
    assert "Notice:" not in said, f"{block.place}: {said}"


def _check_json(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    try:
        json.loads(block.text)
    except ValueError:
        for line in block.text.splitlines():  # JSON Lines
            json.loads(line)


def _check_csv(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    assert len({len(row) for row in csv.reader(io.StringIO(block.text))}) == 1, block.place


def _check_yaml(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    assert yaml.safe_load(block.text) is not None, block.place


def _parse_toml(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    tomllib.loads(block.text)


def _check_text(block: Block, stage: Stage, tool: Tool) -> None:
    del stage, tool
    found = _COMMAND.search(block.text)
    assert not found, f"{block.place}: {found and found[0]!r} is a command; expected ```sh"


LANGUAGES: Mapping[str, Language] = {
    "sh": Language(_parse_sh, _run_sh),
    "python": Language(_parse_python, _run_python),
    "toml": Language(_parse_toml, _run_toml),
    "js": Language(_parse_js, _run_js),
    "php": Language(_parse_php, _run_php),
    "json": Language(_check_json, _check_json),
    "csv": Language(_check_csv, _check_csv),
    "yaml": Language(_check_yaml, _check_yaml),
    "ini": Language(_check_text, _check_text),
    "text": Language(_check_text, _check_text),
    "": Language(_check_text, _check_text),
}
"""By what a fence says; a drawing, a formula or an output says nothing, or `text`."""
