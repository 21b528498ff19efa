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
    open_source,
    read_contents,
)

EXPORTS = Path(__file__).parent / "exports"
TODAY = date(2026, 11, 25)
KEYS = ("externalId", "sku")
UPLOADS = "https://shop.example/wp-content/uploads/2026/"


def export(name: str, today: date = TODAY) -> tuple[dict[str, Any], dict[int | None, str]]:
    """Return the items of an export by their ids, and the faults by their lines."""
    items: dict[str, Any] = {}
    faults: dict[int | None, str] = {}
    with open_source(str(EXPORTS / name)) as source:
        contents = read_contents(source, Rules(KEYS, today))
        assert contents.format is Format.WOOCOMMERCE
        for entry in contents.entries:
            if isinstance(entry, Item):
                assert isinstance(entry.payload, dict)
                assert entry.payload["externalId"] not in items
                items[entry.payload["externalId"]] = entry.payload
            else:
                faults[entry.fault.line] = str(entry.fault).partition(": ")[2]
    return items, faults


def read(header: str, *rows: str, keys: tuple[str, ...] = KEYS) -> list[Item | Rejected]:
    content = "\n".join((header, *rows)).encode()
    source = Source("p.csv", io.BytesIO(content))
    return list(read_contents(source, Rules(keys, TODAY)).entries)


def test_a_simple_product_has_all_that_the_export_says_of_it() -> None:
    items, _ = export("woocommerce.csv")

    assert items["12"] == {
        "externalId": "12",
        "sku": "TEE-PLAIN",
        "name": 'Plain Tee "Basic"',
        "description": "<p>Soft, 100 % cotton.</p>\n<p>Path C:\\new</p>",
        "price": 19.9,
        "inventoryQuantity": 25,
        "barcode": "4006381333931",
        "grams": 180,
        "taxable": True,
        "requiresShipping": True,
        "images": [f"{UPLOADS}tee.jpg", f"{UPLOADS}tee,back.jpg"],
        "tags": ["cotton", "basics"],
        "categories": ["Clothing > Tees", "Gifts > Him, Her & Them"],
        "brand": "Fils",
        "published": True,
        "product": {"externalId": "12", "sku": "TEE-PLAIN", "name": 'Plain Tee "Basic"'},
    }


def test_every_sku_that_can_be_sold_has_its_price_options_and_stock() -> None:
    items, _ = export("woocommerce.csv")

    assert {
        key: (
            item.get("sku"),
            item["price"],
            [option["value"] for option in item.get("options", [])],
            item.get("inventoryQuantity"),
        )
        for key, item in items.items()
    } == {
        "12": ("TEE-PLAIN", 19.9, [], 25),
        "13": ("-RED-CAP", 9.5, [], -4),
        "14": ("SCARF", 29.95, [], 0),
        "15": ("EBOOK", 3, [], None),
        "20": ("HOODIE-BLUE-L", 45, ["Blue", "L"], 3),
        "31": ("HOODIE-RED-M", 39.99, ["Red", "M, tall"], 40),
        "41": (None, 8.0, ["Fig"], 0),
        "42": (None, 9, [], 5),
        "51": ("LAMP", 120, [], None),
    }


@pytest.mark.parametrize("key", ["20", "31"], ids=["before its parent", "after its parent"])
def test_a_variation_has_of_its_parent_what_it_does_not_say_itself(key: str) -> None:
    items, _ = export("woocommerce.csv")

    variation = items[key]
    assert (variation["description"], variation["grams"]) == ("Warm.\nVery.", 650)
    assert (variation["tags"], variation["categories"]) == (["warm"], ["Clothing > Hoodies"])
    assert variation["product"] == {"externalId": "30", "sku": "HOODIE", "name": "Hoodie"}


def test_a_variation_without_an_image_has_those_of_its_parent() -> None:
    items, _ = export("woocommerce.csv")

    assert items["20"]["images"] == [f"{UPLOADS}hoodie-blue.jpg"]
    assert items["31"]["images"] == [f"{UPLOADS}hoodie.jpg", f"{UPLOADS}hoodie-2.jpg"]


def test_a_variation_may_leave_name_and_attribute_names_to_a_parent_named_by_its_id() -> None:
    items, _ = export("woocommerce.csv")

    assert items["41"]["name"] == "Candle - Fig"
    assert items["41"]["options"] == [{"name": "Scent", "value": "Fig"}]


def test_what_is_not_published_or_has_a_parent_that_is_not_is_told_so() -> None:
    items, _ = export("woocommerce.csv")

    assert {key for key, item in items.items() if not item["published"]} == {"13", "41", "42"}


@pytest.mark.parametrize(
    ("today", "price"),
    [
        (date(2026, 11, 30), {"price": 29.95}),
        (date(2026, 12, 1), {"price": 20, "compareAtPrice": 29.95}),
        (date(2026, 12, 24), {"price": 20, "compareAtPrice": 29.95}),
        (date(2026, 12, 25), {"price": 29.95}),
    ],
)
def test_a_sale_price_counts_on_its_days_only(today: date, price: dict[str, float]) -> None:
    scarf = export("woocommerce.csv", today)[0]["14"]

    assert {field: scarf[field] for field in ("price", "compareAtPrice") if field in scarf} == price


def test_what_can_not_be_used_is_told_and_the_rest_is_read() -> None:
    assert export("woocommerce.csv")[1] == {
        14: "Regular price: '1.234,50' is no number, expected e.g. 12 or 9,95",
        15: "Parent: 'GONE' is not in the file, expected the variable product, too",
        16: "Stock: 'many' is no number, expected e.g. 12 or 9,95",
    }


def test_a_german_export_says_the_same() -> None:
    items, faults = export("woocommerce_german.csv")

    assert faults == {}
    assert items == {
        "8": {
            "externalId": "8",
            "sku": "POSTER-A1",
            "name": "Poster - A1",
            "description": "Kunst",
            "price": 44.99,
            "compareAtPrice": 64.99,
            "inventoryQuantity": 9,
            "grams": 200,
            "taxable": True,
            "requiresShipping": True,
            "options": [{"name": "Format", "value": "A1"}],
            "images": ["https://shop.example/p.jpg"],
            "tags": ["Kunst", "Druck"],
            "categories": ["Wand"],
            "published": True,
            "product": {"externalId": "7", "sku": "POSTER", "name": "Poster"},
        }
    }


def test_parents_far_from_their_variations_are_found_in_either_order() -> None:
    many = 20_000
    children = [f"{number},variation,C{number},1,P{number}" for number in range(many)]
    parents = [f"{many + number},variable,P{number},2," for number in range(many)]
    header = "ID,Type,SKU,Regular price,Parent"

    before = read(header, *parents, *children)
    after = read(header, *children, *parents)

    assert [entry.payload for entry in before if isinstance(entry, Item)] == [
        entry.payload for entry in after if isinstance(entry, Item)
    ]
    assert len(after) == many


def test_what_is_rejected_comes_with_its_parent() -> None:
    (bad,) = read("ID,Type,SKU,Stock,Parent", "1,variable,P,,", "2,variation,C,x,P")

    assert isinstance(bad, Rejected)
    assert not isinstance(bad.origin, bytes)
    assert (bad.origin.at, [cells[2] for cells in bad.origin.cells]) == (1, ["P", "C"])


@pytest.mark.parametrize(
    ("header", "row", "fault"),
    [
        ("Type,SKU,Stock,Parent", "variation,C,1,", "Parent: empty, expected the parent"),
        ("Type,SKU,Tax status", "variation,C,none", "parent: empty, expected the parent"),
        ("Type,SKU,Stock,Parent", "simple,,1,", "SKU: empty, expected the product's key"),
        ("Type,SKU,Stock,Parent", "simple,C,1,,", "5 cells, expected 4 as in the header"),
        (
            "Type,SKU,Sale price,Date sale price ends,Parent",
            "simple,C,1,24.12.2026,",
            "Date sale price ends: '24.12.2026' is no date, expected e.g. 2026-01-31",
        ),
        (
            "Type,SKU,Weight (kg),Parent",
            "simple,C,heavy,",
            "Weight (kg): 'heavy' is no number, expected e.g. 12 or 9,95",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_told_with_its_column(
    header: str, row: str, fault: str
) -> None:
    (bad,) = read(header, row, keys=("sku",))

    assert isinstance(bad, Rejected)
    assert str(bad.fault) == f"p.csv line 2: {fault}"


@pytest.mark.parametrize(
    ("unit", "grams"), [("kg", 1500), ("g", 1.5), ("lbs", 680.389), ("oz", 42.524)]
)
def test_the_unit_of_the_weight_stands_in_its_column(unit: str, grams: float) -> None:
    (item,) = read(f"Type,SKU,Weight ({unit}),Parent", "simple,C,1.5,")

    assert isinstance(item, Item)
    assert isinstance(item.payload, dict)
    assert item.payload["grams"] == grams


@pytest.mark.parametrize(
    ("kind", "parent", "sold"),
    [("subscription", "", 1), ("variable-subscription", "", 0), ("grouped, virtual", "", 0)],
)
def test_kinds_of_products_that_others_have_added_are_told_by_their_names(
    kind: str, parent: str, sold: int
) -> None:
    assert len(read("Type,SKU,Stock,Parent", f'"{kind}",C,1,{parent}')) == sold
