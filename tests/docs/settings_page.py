"""docs/reference/settings.md, as the models of the settings say it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from onport_queue.csv_settings import CsvColumn, CsvSettings
from onport_queue.schedule import Schedule
from onport_queue.settings import (
    ENVIRONMENT_PREFIX,
    AccountSettings,
    AlertSettings,
    ChannelSettings,
    Settings,
)

_INTRODUCTION = f"""\
# Settings

Generated from the code by `python -m tests.docs.reference`.

A setting is a line of the settings file, `rate = 5.0`, or a variable of the environment,
`{ENVIRONMENT_PREFIX}RATE=5`, which wins. The file is the one that `--config` names, else
`ONPORT_RELAY_CONFIG`, else `./relay.toml`, else `./config/relay.toml`. Shop, workers, gateway and
commands read the same settings; `onport-relay doctor` tells every fault of them at once, and never
a value. In the environment lists and tables are written as JSON.

Instead of a variable, `{ENVIRONMENT_PREFIX}<NAME>_FILE` may name a file that holds the value: for
[secrets](../deploy.md#secrets), which do not belong in a settings file that is shared.

Guides: [channels and accounts](../operations.md#channels-and-accounts),
[a catalogue](../catalogue.md#csv), [schedules](../schedules.md).
"""

TABLES: tuple[tuple[str, str, str, type[BaseModel]], ...] = (
    ("At the top of the file", "", "", Settings),
    ("`[channels.NAME]`", "channels", "CHANNELS__NAME__", ChannelSettings),
    ("`[accounts.NAME]`", "accounts", "ACCOUNTS__NAME__", AccountSettings),
    ("`[alerts]`", "alerts", "ALERTS__", AlertSettings),
    ("`[csv]`", "csv", "CSV__", CsvSettings),
    ("`[csv.columns]`, a column", "", "", CsvColumn),
    ("`[[schedules]]`, as many as you like", "schedules", "", Schedule),
)
"""A heading, the setting that holds it, how its variables begin, and the model."""

_TYPES = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "table",
}
_FORMATS = {"path": "path", "password": "secret"}
_BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


def settings_page() -> str:
    """Return the page."""
    held = {place for _, place, _, _ in TABLES}
    return "".join(
        [
            _INTRODUCTION,
            *(
                part
                for title, _, prefix, model in TABLES
                for part in _table(title, prefix, model, held if model is Settings else set())
            ),
        ]
    )


def _table(title: str, prefix: str, model: type[BaseModel], held: set[str]) -> Iterator[str]:
    has_variables = model is Settings or bool(prefix)
    schema = model.model_json_schema()
    yield f"\n## {title}\n\n"
    yield "| setting | variable | what | default | meaning |\n| --- | --- | --- | --- | --- |\n"
    for name, said in schema["properties"].items():
        variable = f"`{ENVIRONMENT_PREFIX}{prefix}{name.upper()}`" if has_variables else ""
        kind, default = "see below", ""
        if name not in held:
            kind = _kind(said, schema.get("$defs", {}))
            default = _default(said, is_required=name in schema.get("required", ()))
        # A setting without a description fails here: say in its Field what it is for.
        cells = (f"`{name}`", variable, kind, default, said["description"])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _kind(said: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    if "anyOf" in said:
        (said,) = (each for each in said["anyOf"] if each.get("type") != "null")
    if "$ref" in said:
        said = models[said["$ref"].rpartition("/")[2]]
    if "enum" in said:
        return ", ".join(f"`{value}`" for value in said["enum"])
    kind = _FORMATS.get(said.get("format", ""), _TYPES[said["type"]])
    bounds = [f"{word} {said[bound]:,g}" for bound, word in _BOUNDS.items() if bound in said]
    return ", ".join([kind, *bounds])


def _default(said: Mapping[str, Any], *, is_required: bool) -> str:
    if is_required:
        return "required"
    match said.get("default"):
        case None | [] | {}:
            return "none"
        case bool(value):
            return f"`{str(value).lower()}`"
        case list(values):
            return ", ".join(f"`{value}`" for value in values)
        case value:
            return f"`{value}`"
