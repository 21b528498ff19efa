"""The columns of WooCommerce's product export, in English and in German.

WooCommerce writes their names in the language of whoever exports. Source: the plugin's
includes/export/class-wc-product-csv-exporter.php and its wiki page Product-CSV-Import-Schema.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("id",),
        "type": ("type", "typ"),
        "sku": ("sku", "artikelnummer"),
        "barcode": ("gtin, upc, ean, or isbn", "gtin, upc, ean oder isbn"),
        "name": ("name",),
        "published": ("published", "veröffentlicht"),
        "short": ("short description", "kurzbeschreibung"),
        "description": ("description", "beschreibung"),
        "sale from": ("date sale price starts", "datum, an dem angebotspreis beginnt"),
        "sale to": ("date sale price ends", "datum, an dem angebotspreis endet"),
        "tax": ("tax status", "steuerstatus"),
        "in stock": ("in stock?", "vorrätig?", "auf lager?"),
        "stock": ("stock", "lager", "lagerbestand"),
        "sale": ("sale price", "angebotspreis"),
        "regular": ("regular price", "regulärer preis"),
        "categories": ("categories", "kategorien"),
        "tags": ("tags", "schlagwörter"),
        "images": ("images", "bilder"),
        "parent": ("parent", "übergeordnetes produkt", "übergeordnet"),
        "brands": ("brands", "marken"),
        "cost": ("cost of goods",),
    }
)

_SURE_SIGNS = ("in stock", "regular", "tax", "parent")
_WEIGHT = re.compile(r"(?:weight|gewicht) \((\w+)\)")
_ATTRIBUTE = re.compile(r"attribute? (\d+) (name|value\(s\)|wert\(e\)|werte)")
_GRAMS = {"g": 1.0, "kg": 1000.0, "lbs": 453.59237, "oz": 28.349523125}


class Weight(NamedTuple):
    """The column of the weight, its name, and how many grams its unit has."""

    place: int
    name: str
    grams: float


class Attribute(NamedTuple):
    """The columns of an attribute's name and values; None where there is no such column."""

    name: int | None
    values: int


def is_woocommerce(header: Sequence[str]) -> bool:
    """Return whether a header is that of a WooCommerce export."""
    columns = {column.strip().casefold() for column in header}

    def has(ours: str) -> bool:
        return any(name in columns for name in NAMES[ours])

    return has("type") and (has("sku") or has("id")) and any(has(sign) for sign in _SURE_SIGNS)


def weight_of(header: Sequence[str]) -> Weight | None:
    """Return where the weight is; its unit stands in the column's name."""
    for place, column in enumerate(header):
        found = _WEIGHT.fullmatch(column.strip().casefold())
        if found and found[1] in _GRAMS:
            return Weight(place, column, _GRAMS[found[1]])
    return None


def attributes_of(header: Sequence[str]) -> Sequence[Attribute]:
    """Return where the attributes are, in their order."""
    names: dict[int, int] = {}
    values: dict[int, int] = {}
    for place, column in enumerate(header):
        if found := _ATTRIBUTE.fullmatch(column.strip().casefold()):
            places = names if found[2] == "name" else values
            places.setdefault(int(found[1]), place)
    return [Attribute(names.get(number), values[number]) for number in sorted(values)]
