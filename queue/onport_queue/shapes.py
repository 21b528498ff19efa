"""The documented JSON types of what Onport takes: what is checked, and nothing more.

Sources: the vendor's pages on importing orders, on acknowledging and disconnecting inventory-feed
variants, and the field names of its products reference. Fields not named here pass unseen; null is
taken as absent.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from onport_queue.errors import InvalidJobError
from onport_queue.names import Kind


def check(kind: Kind, value: Mapping[str, Any]) -> None:
    """Check a payload's documented fields.

    Raises:
        InvalidJobError: naming the first field that is missing or of another type. Never its value.
    """
    try:
        _SHAPES[kind].model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = "missing" if first["type"] == "missing" else first["msg"]
        raise InvalidJobError(place, problem) from None


def checked_id(value: Any, field: str) -> str | int:
    """Return the value of a key field. Raises InvalidJobError if it is no string or integer."""
    try:
        return _an_id(value)
    except PydanticCustomError as error:
        raise InvalidJobError(field, error.message()) from None


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


def type_name(value: object) -> str:
    """Return what JSON calls the type of a value."""
    return _JSON_TYPES.get(type(value), f"a {type(value).__name__}")


def _expect(expected: str, value: object) -> PydanticCustomError:
    return PydanticCustomError(
        "json_type",
        "expected {expected}, got {got}",
        {"expected": expected, "got": type_name(value)},
    )


def _an_id(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _expect("a string or a whole number", value)
    if value == "" or (isinstance(value, str) and not value.strip()):
        raise PydanticCustomError(
            "json_type", "expected a string that is not blank, got a blank one"
        )
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise PydanticCustomError(
            "json_type", "holds half a surrogate pair, which UTF-8 does not have"
        ) from None
    return value


def _a_number(value: Any) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _expect("a number", value)
    return value


def _a_string(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _expect("a string", value)
    return value


def _a_boolean(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise _expect("a boolean", value)
    return value


def _an_object(value: Any) -> Any:
    if value is not None and not isinstance(value, dict | BaseModel):
        raise _expect("an object", value)
    return value


def _an_array(value: Any) -> Any:
    if value is not None and not isinstance(value, list | tuple):
        raise _expect("an array", value)
    return value


_Id = Annotated[str | int, BeforeValidator(_an_id)]
_MaybeId = Annotated[
    str | int | None, BeforeValidator(lambda value: None if value is None else _an_id(value))
]
_Number = Annotated[int | float | None, BeforeValidator(_a_number)]
_String = Annotated[str | None, BeforeValidator(_a_string)]
_Boolean = Annotated[bool | None, BeforeValidator(_a_boolean)]
_Object = Annotated[dict[str, Any] | None, BeforeValidator(_an_object)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Line(_Shape):
    externalId: _MaybeId = None  # noqa: N815 - the vendor's spelling
    name: _String = None
    quantity: _Number = None
    price: _Number = None
    taxable: _Boolean = None
    variant: _Object = None
    properties: Annotated[
        list[Annotated[dict[str, Any], BeforeValidator(_an_object)]] | None,
        BeforeValidator(_an_array),
    ] = None


class _Shipping(_Shape):
    code: _String = None
    name: _String = None
    serviceLevel: _String = None  # noqa: N815
    price: _Number = None


class _SaleDefaults(_Shape):
    reference: _MaybeId = None


class _Sale(_Shape):
    externalId: _Id  # noqa: N815
    saleDefaults: Annotated[_SaleDefaults | None, BeforeValidator(_an_object)] = None  # noqa: N815
    customer: _Object = None
    lineItems: Annotated[  # noqa: N815
        list[Annotated[_Line, BeforeValidator(_an_object)]] | None, BeforeValidator(_an_array)
    ] = None
    shipping: Annotated[
        list[Annotated[_Shipping, BeforeValidator(_an_object)]] | None, BeforeValidator(_an_array)
    ] = None
    options: _Object = None


class _Product(_Shape):
    sku: _MaybeId = None
    externalId: _MaybeId = None  # noqa: N815
    name: _String = None
    description: _String = None
    inventoryQuantity: _Number = None  # noqa: N815
    costPrice: _Number = None  # noqa: N815
    grams: _Number = None
    taxable: _Boolean = None


class _VendorSku(_Shape):
    vendorSku: _Id  # noqa: N815
    dropshipProviderExternalId: _MaybeId = None  # noqa: N815
    dropshipProviderId: _MaybeId = None  # noqa: N815


class _Variant(_Shape):
    sku: _Id
    vendorSkus: Annotated[  # noqa: N815
        list[Annotated[_VendorSku, BeforeValidator(_an_object)]] | None, BeforeValidator(_an_array)
    ] = None


_SHAPES: Mapping[Kind, type[BaseModel]] = {
    Kind.SALE: _Sale,
    Kind.PRODUCT: _Product,
    Kind.ACKNOWLEDGE: _Variant,
    Kind.DISCONNECT: _Variant,
}
