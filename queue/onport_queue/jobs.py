"""From what a shop hands over to keyed jobs: parsed and checked once, at the edge.

Refused is only what can't be keyed or is not of a documented JSON type; unknown fields pass through
untouched; anything else odd is a warning. The documented shapes are those of the vendor's pages on
importing orders and on acknowledging inventory-feed variants; the products payload is documented by
its field names only.
"""

import hashlib
import json
import math
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from onport_queue.errors import InvalidJobError
from onport_queue.fold import Fragment, dump
from onport_queue.names import Kind
from onport_queue.shapes import check, type_name

Payload: TypeAlias = Mapping[str, Any] | bytes | str
"""A JSON object: as a mapping, or as its text, which is then forwarded byte for byte."""

MAX_VERSION = 2**53 - 1
MAX_KEY_BYTES = 512


class Job(NamedTuple):
    """A sale or a product item: key, body, the caller's version (None: Redis time)."""

    key: str
    body: bytes
    version: int | None = None
    warnings: tuple[str, ...] = ()


class Link(NamedTuple):
    """One wish about one vendor SKU of a variant.

    `id` tells links apart; `body` is the link's JSON. The id `*acknowledge` or `*disconnect` is no
    link: its body holds the item's other fields.
    """

    id: str
    body: bytes


class LinkJob(NamedTuple):
    """The wishes, all of one kind, about one variant's links."""

    key: str
    links: tuple[Link, ...]
    version: int | None = None
    warnings: tuple[str, ...] = ()


def sale_job(payload: Payload, *, version: int | None = None) -> Job:
    """Return the job of a sale, keyed by `externalId`.

    Raises:
        InvalidJobError: naming the field.
    """
    value, body = _parsed(payload)
    check(Kind.SALE, value)
    warnings = []
    if not value.get("lineItems"):
        warnings.append("lineItems: empty; a sale without lines routes nothing")
    if not (value.get("saleDefaults") or {}).get("reference"):
        warnings.append("saleDefaults.reference: missing; it is the order name the customer sees")
    for index, line in enumerate(value.get("lineItems") or []):
        if line.get("externalId") is None:
            warnings.append(
                f"lineItems.{index}.externalId: missing; updates can't refer to the line"
            )
        if not line.get("variant"):
            warnings.append(f"lineItems.{index}.variant: missing; the line is tied to no variant")
    return Job(_key("externalId", value["externalId"]), body, _version(version), tuple(warnings))


def product_job(
    payload: Payload,
    *,
    key_fields: Sequence[str] = ("externalId", "sku"),
    version: int | None = None,
) -> Job:
    """Return the job of a product item, keyed by its first key field, else by its content.

    Raises:
        InvalidJobError: naming the field.
    """
    value, body = _parsed(payload)
    check(Kind.PRODUCT, value)
    for field in key_fields:
        found = value.get(field)
        if found is not None and not (isinstance(found, str) and not found.strip()):
            return Job(f"{field}={_key(field, found)}", body, _version(version))
    digest = hashlib.sha256(json.dumps(json.loads(body), sort_keys=True).encode()).hexdigest()[:32]
    warning = f"carries none of {', '.join(key_fields)}: keyed by its content, so it never folds"
    return Job(f"content={digest}", body, _version(version), (warning,))


def link_job(kind: Kind, payload: Payload, *, version: int | None = None) -> LinkJob:
    """Return the job of one item of an acknowledge or disconnect batch, keyed by `sku`.

    Raises:
        InvalidJobError: naming the field.
    """
    value, _ = _parsed(payload)
    check(kind, value)
    warnings = []
    links = {}
    for index, entry in enumerate(value.get("vendorSkus") or []):
        provider = entry.get("dropshipProviderExternalId"), entry.get("dropshipProviderId")
        if provider == (None, None):
            warnings.append(
                f"vendorSkus.{index}: names no dropshipProviderExternalId or dropshipProviderId"
            )
        identity = json.dumps([entry["vendorSku"], *provider])
        links[identity] = Link(identity, dump(entry))
    others = {name: other for name, other in value.items() if name not in ("sku", "vendorSkus")}
    if not isinstance(value["sku"], str):
        others["sku"] = value["sku"]  # the key is text; the vendor gets what the shop wrote
    if others or not links:
        links["*"] = Link(f"*{kind}", dump(others))
    if not value.get("vendorSkus"):
        warnings.append("vendorSkus: empty; the item links nothing")
    return LinkJob(
        _key("sku", value["sku"]), tuple(links.values()), _version(version), tuple(warnings)
    )


def link_item(sku: str, fragments: Sequence[Fragment]) -> bytes:
    """Return the JSON of one batch item from a variant's key and its links to be sent."""
    item: dict[str, JsonValue] = {"sku": sku}
    for fragment in fragments:
        if fragment.link.startswith("*"):
            item.update(json.loads(fragment.body))
    links = b",".join(fragment.body for fragment in fragments if not fragment.link.startswith("*"))
    return dump(item)[:-1] + b',"vendorSkus":[' + links + b"]}"


def product_keys(key: str, key_fields: Sequence[str]) -> tuple[str, ...]:
    """Return the keys under which a product that a person calls `key` may be stored."""
    return (key, *(f"{field}={key}" for field in key_fields), f"content={key}")


def _parsed(payload: Payload) -> tuple[dict[str, Any], bytes]:
    if isinstance(payload, bytes | str):
        try:
            body = payload.encode() if isinstance(payload, str) else payload.removeprefix(BOM_UTF8)
        except UnicodeError:
            raise InvalidJobError("", "not UTF-8") from None
        value = _decoded(body)
        if not isinstance(value, dict):
            raise InvalidJobError("", f"expected a JSON object, got {type_name(value)}")
        return value, body
    if not isinstance(payload, Mapping):
        raise InvalidJobError("", f"expected a mapping or JSON text, got {type(payload).__name__}")
    value = dict(payload)
    try:
        return value, dump(value)
    except (TypeError, ValueError, RecursionError) as error:
        # json's own texts name types, never values: they may be shown.
        raise InvalidJobError("", f"can't be written as JSON: {error}") from None


def _decoded(body: bytes) -> Any:
    try:
        # A third of what json costs.
        value = from_json(body, allow_inf_nan=False, cache_strings="none")
        if _INFINITY not in to_json(value, inf_nan_mode="constants"):
            return value
    except ValueError:
        pass  # json says what is wrong, or takes it: it is less strict about half surrogates
    try:
        # Left to itself json also takes UTF-16, and numbers that become infinite: neither can be
        # put into a batch or folded later.
        return _decoder.decode(body.decode())
    except UnicodeError:
        raise InvalidJobError("", "not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidJobError(
            "", f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except ValueError:  # an integer of more digits than Python reads
        raise InvalidJobError("", "holds a number with thousands of digits") from None
    except RecursionError:
        raise InvalidJobError("", "not readable: nested too deeply") from None


def _refuse_constant(constant: str) -> None:
    raise InvalidJobError("", f"{constant} is no JSON number")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise InvalidJobError("", "holds a number beyond the range of a 64-bit float")
    return value


_INFINITY = b"Infinity"  # a number beyond the range of floats; or a text that says so
_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _key(field: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidJobError(field, f"expected a string or a whole number, got {type_name(value)}")
    key = str(value)
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidJobError(field, "holds half a surrogate pair, which is no text") from None
    if size > MAX_KEY_BYTES:
        raise InvalidJobError(field, f"longer than {MAX_KEY_BYTES} bytes")
    return key


def _version(version: int | None) -> int | None:
    if version is None:
        return None
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version <= MAX_VERSION:
        raise InvalidJobError(
            "version", f"expected an integer from 0 to {MAX_VERSION}, e.g. updated_at in ms"
        )
    return version
