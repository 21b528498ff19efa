import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onport_producers.imports import (
    Format,
    Item,
    Rejected,
    Rules,
    Source,
    UnreadableError,
    open_source,
    read_contents,
)
from onport_producers.imports.shopify import MAX_PRODUCT_ROWS

EXPORTS = Path(__file__).parent / "exports"
RULES = Rules(("externalId", "sku"), date(2026, 11, 25))
IMAGES = "https://cdn.shopify.com/s/files/1/0001/files/"


def export(name: str) -> tuple[dict[str, Any], dict[int | None, str]]:
    """Return the items of an export by their SKU, and the faults by their lines."""
    items: dict[str, Any] = {}
    faults: dict[int | None, str] = {}
    with open_source(str(EXPORTS / name)) as source:
        contents = read_contents(source, RULES)
        assert contents.format is Format.SHOPIFY
        for entry in contents.entries:
            if isinstance(entry, Item):
                assert isinstance(entry.payload, dict)
                assert entry.payload["sku"] not in items
                items[entry.payload["sku"]] = entry.payload
            else:
                faults[entry.fault.line] = str(entry.fault).partition(": ")[2]
    return items, faults


def read(*rows: str) -> list[Item | Rejected]:
    header = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src"
    content = "\n".join((header, *rows)).encode()
    return list(read_contents(Source("p.csv", io.BytesIO(content)), RULES).entries)


def test_the_first_variant_has_all_that_the_export_says_of_it() -> None:
    items, _ = export("shopify.csv")

    assert items["LS-W-S"] == {
        "sku": "LS-W-S",
        "name": 'Linen Shirt, "Riviera" - White / S / Slim',
        "description": "<p>Pure linen,\n<em>stone-washed</em>.</p>\n\n"
        '<ul>\n<li>Says "hello"</li>\n</ul>',
        "price": 59.9,
        "compareAtPrice": 79.9,
        "costPrice": 21.5,
        "inventoryQuantity": 12,
        "grams": 240.0,
        "barcode": "4006381333931",
        "taxable": True,
        "requiresShipping": True,
        "options": [
            {"name": "Color", "value": "White"},
            {"name": "Size", "value": "S"},
            {"name": "Fit", "value": "Slim"},
        ],
        "images": [f"{IMAGES}shirt-white.jpg?v=1"],
        "productType": "Shirts",
        "brand": "Côte & Fils",
        "tags": ["linen", "summer", "Größe-M"],
        "categories": ["Apparel & Accessories > Clothing > Shirts & Tops"],
        "published": True,
        "product": {"handle": "linen-shirt", "name": 'Linen Shirt, "Riviera"'},
    }


def test_every_sku_has_its_price_options_and_stock() -> None:
    items, _ = export("shopify.csv")

    assert {
        sku: (
            item.get("price"),
            [option["value"] for option in item.get("options", [])],
            item.get("inventoryQuantity"),
        )
        for sku, item in items.items()
    } == {
        "LS-W-S": (59.9, ["White", "S", "Slim"], 12),
        "LS-W-M": (59.9, ["White", "M", "Slim"], -3),
        "00714": (62, ["Navy", "M", "Regular"], 0),
        "SOAP-1": (4.5, [], 140),
        "SRV-ENG": (9.0, [], None),
        "CAP-R": (19.0, ["Red"], 7),
        "CAP-G": (19.0, ["Grey"], 10),
        "GIFT-25": (25.0, ["€25,00"], None),
    }


def test_rows_that_continue_a_product_have_what_stands_in_its_first_row() -> None:
    items, _ = export("shopify.csv")

    for field in ("description", "productType", "brand", "tags", "product", "published"):
        assert items["LS-W-M"][field] == items["LS-W-S"][field]
    assert [option["name"] for option in items["LS-W-M"]["options"]] == ["Color", "Size", "Fit"]


def test_a_variant_without_an_image_has_those_of_the_product_in_their_order() -> None:
    items, _ = export("shopify.csv")

    assert items["LS-W-M"]["images"] == [
        f"{IMAGES}shirt-{view}.jpg?v=1" for view in ("front", "back", "label", "detail")
    ]


def test_a_row_that_can_not_be_used_is_told_and_its_neighbours_are_read() -> None:
    assert export("shopify.csv")[1] == {
        15: "Variant SKU: empty, expected the product's key",
        16: "Variant Inventory Qty: 'nine' is no number, expected e.g. 12 or 9.95",
    }


def test_drafts_and_archived_products_are_not_published() -> None:
    items, _ = export("shopify.csv")

    assert {sku for sku, item in items.items() if not item["published"]} == {"SRV-ENG", "GIFT-25"}


def test_the_newer_column_names_say_the_same() -> None:
    items, faults = export("shopify_newer_names.csv")

    assert faults == {}
    assert items["MUG-S"]["barcode"] == "0012345678905"
    assert items["MUG-L"] == {
        "sku": "MUG-L",
        "name": "Mug - Large",
        "description": "<p>Stoneware</p>",
        "price": 16.0,
        "inventoryQuantity": -1,
        "grams": 420,
        "taxable": True,
        "requiresShipping": True,
        "options": [{"name": "Size", "value": "Large"}],
        "images": [f"{IMAGES}mug-large.jpg"],
        "productType": "Mugs",
        "brand": "Kiln",
        "tags": ["kitchen"],
        "published": True,
        "product": {"handle": "mug", "name": "Mug"},
    }


def test_a_product_torn_apart_is_told_instead_of_sent_without_its_name() -> None:
    entries = read(
        "a,Apple,Size,S,A-S,1,", "b,Bread,Title,Default Title,B,2,", "a,,,M,A-M,1,", ",,,M,A-X,1,"
    )

    assert [
        str(entry.fault) if isinstance(entry, Rejected) else entry.line for entry in entries
    ] == [
        2,
        3,
        "p.csv line 4: Title: empty, expected it in the first of the product's rows, together",
        "p.csv line 5: Handle: empty, expected the product's handle",
    ]


def test_what_is_rejected_comes_with_the_rows_of_its_product() -> None:
    first, bad = read("a,Apple,Size,S,A-S,1,", "a,,,M,A-M,one,")

    assert isinstance(first, Item)
    assert isinstance(bad, Rejected)
    assert not isinstance(bad.origin, bytes)
    assert (bad.origin.at, [cells[4] for cells in bad.origin.cells]) == (1, ["A-S", "A-M"])


def test_a_row_with_nothing_but_a_handle_is_none() -> None:
    assert len(read("a,Apple,Size,S,A-S,1,", "a,,,,,,", "a,,,,,,https://x/y.jpg")) == 1


def test_memory_is_bounded_by_the_rows_of_a_product() -> None:
    with pytest.raises(UnreadableError, match=r"^p\.csv line 2: more than 5,000 rows of one prod"):
        read("a,Apple,Size,S,A-S,1,", *["a,,,,,,https://x/y.jpg"] * MAX_PRODUCT_ROWS)


def test_a_column_that_nothing_can_do_without_is_named() -> None:
    source = Source("p.csv", io.BytesIO(b"Handle,Title,Variant Price\na,Apple,1\n"))

    with pytest.raises(
        UnreadableError, match=r"^p\.csv line 1: no column 'variant sku' or 'sku' \(columns: Handle"
    ):
        read_contents(source, RULES).entries.__next__()
