"""The documented JSON types of what Onport takes: what is checked, and nothing more.

Sources: the vendor's pages on importing orders, on acknowledging and disconnecting inventory-feed
variants, and the field names of its products reference. Fields not named here pass unseen; null is
taken as absent.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Required, TypeAlias

from pydantic import Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from onport_queue.errors import InvalidJobError
from onport_queue.names import Kind

# Everything is checked by pydantic's core without a call back into Python, and typed dicts cost it
# less than models: a catalogue import passes through here 100,000 times.
_Text: TypeAlias = Annotated[str, Strict()]
_Flag: TypeAlias = Annotated[bool, Strict()]
_Number: TypeAlias = Annotated[float, Strict()]
_Object: TypeAlias = Annotated[dict[str, Any], Strict()]
_Id: TypeAlias = (
    Annotated[str, StringConstraints(strict=True, pattern=r"\S")] | Annotated[int, Strict()]
)
# An empty cell of a catalogue: the product is keyed by its next key field.
_BlankId: TypeAlias = _Text | Annotated[int, Strict()]


class _Line(TypedDict, total=False):
    externalId: _Id | None
    name: _Text | None
    quantity: _Number | None
    price: _Number | None
    taxable: _Flag | None
    variant: _Object | None
    properties: list[_Object] | None


class _Shipping(TypedDict, total=False):
    code: _Text | None
    name: _Text | None
    serviceLevel: _Text | None
    price: _Number | None


class _SaleDefaults(TypedDict, total=False):
    reference: _Id | None


class _Sale(TypedDict, total=False):
    externalId: Required[_Id]
    saleDefaults: _SaleDefaults | None
    customer: _Object | None
    lineItems: list[_Line] | None
    shipping: list[_Shipping] | None
    options: _Object | None


class _Product(TypedDict, total=False):
    sku: _BlankId | None
    externalId: _BlankId | None
    name: _Text | None
    description: _Text | None
    inventoryQuantity: _Number | None
    costPrice: _Number | None
    grams: _Number | None
    taxable: _Flag | None


class _VendorSku(TypedDict, total=False):
    vendorSku: Required[_Id]
    dropshipProviderExternalId: _Id | None
    dropshipProviderId: _Id | None


class _Variant(TypedDict, total=False):
    sku: Required[_Id]
    vendorSkus: list[_VendorSku] | None


_SHAPES: Mapping[Kind, TypeAdapter[Any]] = {
    Kind.SALE: TypeAdapter(_Sale),
    Kind.PRODUCT: TypeAdapter(_Product),
    Kind.ACKNOWLEDGE: TypeAdapter(_Variant),
    Kind.DISCONNECT: TypeAdapter(_Variant),
}

_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "a boolean",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "an array",
    "string_pattern_mismatch": "a string that is not blank",
    "string_unicode": "a string without half surrogates",
}
_JSON_TYPES = {
    dict: "an object",
    list: "an array",
    tuple: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def check(kind: Kind, value: Mapping[str, Any]) -> None:
    """Check a payload's documented fields.

    Raises:
        InvalidJobError: naming the first field that is missing or of another type. Never its value.
    """
    try:
        _SHAPES[kind].validator.validate_python(value)
    except ValidationError as error:
        place, problem = _first_fault(error.errors(include_url=False, include_context=False))
        raise InvalidJobError(place, problem) from None


def json_schema(kind: Kind, definitions: str) -> dict[str, Any]:
    """Return what `check` checks as a JSON Schema.

    Args:
        kind: of which payload.
        definitions: where the reader will find the schema's `$defs`, e.g. ``#/components/schemas``.
    """
    return _SHAPES[kind].json_schema(ref_template=f"{definitions}/{{model}}")


def type_name(value: object) -> str:
    """Return what JSON calls the type of a value."""
    return _JSON_TYPES.get(type(value), f"a {type(value).__name__}")


def _first_fault(faults: Sequence[ErrorDetails]) -> tuple[str, str]:
    place = _place(faults[0])
    if faults[0]["type"] == "missing":
        return place, "missing"
    # A field that may be one of several types has a fault for each.
    expected = [
        _EXPECTED.get(fault["type"], fault["msg"]) for fault in faults if _place(fault) == place
    ]
    got = faults[0]["input"]
    if "a string that is not blank" in expected:
        return place, "expected a string that is not blank, got a blank one"
    return place, f"expected {' or '.join(dict.fromkeys(expected))}, got {type_name(got)}"


def _place(fault: ErrorDetails) -> str:
    # The members of a union stand in the path, too, by the name of their schema.
    return ".".join(
        str(part) for part in fault["loc"] if part not in ("str", "int", "constrained-str")
    )
