"""The gateway in OpenAPI's words; the payloads' fields are those that the queue checks."""

from collections.abc import Mapping
from typing import Any

from onport_producers.gateway.body import MAX_BODY_BYTES
from onport_producers.gateway.contents import MAX_ITEMS
from onport_producers.gateway.routes import (
    FORCE_HEADER,
    HASH_HEADER,
    ROUTES,
    SALE_HEADER,
    Route,
)
from onport_producers.receipt import State
from onport_queue.jobs import MAX_KEY_BYTES
from onport_queue.names import Kind, Lane
from onport_queue.shapes import json_schema

_COMPONENTS = "#/components/schemas"
_SUMMARIES = {
    Kind.SALE: "Put one sale: new, or its whole state as it is now.",
    Kind.PRODUCT: "Put product items; a body that is no array is one item.",
    Kind.ACKNOWLEDGE: "Put wishes to link variants with vendor SKUs.",
    Kind.DISCONNECT: "Put wishes to unlink variants from vendor SKUs.",
}
_PAGES = {
    "/healthz": "The process answers.",
    "/readyz": "A job would be taken: by the broker, or by the spool.",
    "/metrics": "Figures for Prometheus.",
    "/openapi.json": "This description.",
    "/docs": "This description, to be read.",
    "/": "What the relay does, for its operator; asks for the page's token.",
}


def schema() -> dict[str, Any]:
    """Return the OpenAPI document."""
    components = {"Receipt": _RECEIPT, "Refusal": _REFUSAL}
    paths = {route.path: {route.method.lower(): _inbound(route, components)} for route in ROUTES}
    for path, summary in _PAGES.items():
        paths[path] = {"get": {"summary": summary, "security": [], "responses": _page(path)}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Onport Relay: gateway",
            "version": "1",
            "description": "Onport's four inbound addresses. A 200 means that the relay has what "
            "was sent and delivers it.",
        },
        "security": [{"hash": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "hash": {"type": "apiKey", "in": "header", "name": HASH_HEADER},
            },
        },
    }


def _inbound(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    item = json_schema(route.kind, _COMPONENTS)
    components |= item.pop("$defs", {})
    name = route.kind.family.capitalize()
    components[name] = item
    body: dict[str, Any] = _ref(name)
    answer: dict[str, Any] = _ref("Receipt")
    if route.kind is not Kind.SALE:
        body = {"type": "array", "items": _ref(name), "maxItems": MAX_ITEMS}
        answer = {"type": "array", "items": _ref("Receipt")}
    if route.kind is Kind.PRODUCT:
        body, answer = {"anyOf": [body, _ref(name)]}, {"anyOf": [answer, _ref("Receipt")]}
    operation: dict[str, Any] = {
        "summary": _SUMMARIES[route.kind],
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {
            "200": _response("The relay has it; one receipt for each item of an array.", answer),
            "401": _refusal(f"{HASH_HEADER} is missing or wrong."),
            "413": _refusal(f"The body has more than {MAX_BODY_BYTES:,} bytes."),
            "415": _refusal("The body is not said to be JSON in UTF-8."),
            "422": _refusal("It can't be keyed, is of another type than documented, or no JSON."),
            "503": _refusal("Neither the broker nor the spool takes anything."),
        },
    }
    if route.kind in _PARAMETERS:
        operation["parameters"] = [_PARAMETERS[route.kind]]
    return operation


def _page(path: str) -> dict[str, Any]:
    match path:
        case "/" | "/docs":
            return {"200": _content("text/html", "A page.")}
        case "/metrics":
            return {"200": _content("text/plain", "Prometheus's text format.")}
        case "/readyz":
            ready = _response("It would be taken.", {"type": "object", "required": ["takes"]})
            return {"200": ready, "503": _refusal("It would not.")}
        case _:
            return {"200": _response("A JSON object.", {"type": "object"})}


def _response(description: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(answer)}


def _refusal(description: str) -> dict[str, Any]:
    return _response(description, _ref("Refusal"))


def _content(media: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": {"type": "string"}}}}


def _json(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": of}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{_COMPONENTS}/{name}"}


_PARAMETERS = {
    Kind.SALE: {
        "name": SALE_HEADER,
        "in": "header",
        "description": "Whether the sale is new (high lane) or an update (low lane). Left out: it "
        "is new unless the relay holds it or has delivered it within history_days.",
        "schema": {"type": "string", "enum": ["new", "update"]},
    },
    Kind.PRODUCT: {
        "name": FORCE_HEADER,
        "in": "header",
        "description": "Whether items that Onport has already, byte for byte, are sent again.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
}
_RECEIPT = {
    "type": "object",
    "required": ["id", "state", "lane", "expected_at", "warnings"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "description": f"The job, e.g. sale:default:1001; its key has up to {MAX_KEY_BYTES} "
            "bytes.",
        },
        "state": {"enum": [state.value for state in State]},
        "lane": {"enum": [lane.value for lane in Lane]},
        "expected_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it should be delivered if nothing fails; null if spooled.",
        },
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}
_REFUSAL = {
    "type": "object",
    "required": ["error", "field"],
    "additionalProperties": False,
    "properties": {
        "error": {"type": "string"},
        "field": {
            "type": ["string", "null"],
            "description": "Where, e.g. lineItems.0.quantity; in an array after the item's place.",
        },
    },
}
