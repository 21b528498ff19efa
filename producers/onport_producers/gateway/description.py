"""The OpenAPI document as a page that needs nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52em;margin:2em auto;padding:0 1em}"
    "h2{font-size:1em;margin:2em 0 0}code,pre{font:14px/1.4 ui-monospace,monospace}"
    "pre{background:#f4f4f4;padding:.7em;overflow:auto}td{padding:0 1em 0 0;vertical-align:top}"
)


def description_page(described: Mapping[str, Any]) -> bytes:
    """Return the page."""
    return "".join(_parts(described)).encode()


def _parts(described: Mapping[str, Any]) -> Iterator[str]:
    info = described["info"]
    title = escape(info["title"])
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
    yield f'<p>{escape(info["description"])} <a href="/openapi.json">openapi.json</a></p>'
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation['summary'])}</p>"
            yield from _operation(operation)
    yield "<h2>Schemas</h2>"
    for name, schema in described["components"]["schemas"].items():
        yield f"<details><summary>{escape(name)}</summary>{_pre(schema)}</details>"
    yield "</html>"


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield f"<p><code>{escape(parameter['name'])}</code>: {escape(parameter['description'])}</p>"
    if "requestBody" in operation:
        yield _pre(operation["requestBody"]["content"]["application/json"]["schema"])
    yield "<table>"
    for status, response in operation["responses"].items():
        yield f"<tr><td>{status}<td>{escape(response['description'])}"
    yield "</table>"


def _pre(schema: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=2))}</pre>"
