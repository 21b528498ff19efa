"""The product export of Shopify: a row for each variant, and for each further image.

Columns and rules are those of https://help.shopify.com/en/manual/products/import-export/using-csv,
in the older names (Handle, Variant SKU) and in the newer ones (URL handle, SKU). What a product has
in common stands in its first row only: title, text, vendor, tags, the names of the options. Stock
is there for shops with one location; where Shopify does not track it, its number means nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from onport_producers.imports.cells import boolean, listed, number
from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.header import Header
from onport_producers.imports.item import Entry, Item, Rejected, Rows
from onport_producers.imports.rules import Rules
from onport_producers.imports.table import Row, Table

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "handle": ("handle", "url handle"),
        "title": ("title",),
        "body": ("body (html)", "description"),
        "vendor": ("vendor",),
        "category": ("product category", "standardized product type"),
        "type": ("type", "custom product type"),
        "tags": ("tags",),
        "published": ("published", "published on online store"),
        "status": ("status",),
        "option1 name": ("option1 name",),
        "option1": ("option1 value",),
        "option2 name": ("option2 name",),
        "option2": ("option2 value",),
        "option3 name": ("option3 name",),
        "option3": ("option3 value",),
        "sku": ("variant sku", "sku"),
        "barcode": ("variant barcode", "barcode"),
        "grams": ("variant grams", "weight value (grams)"),
        "tracker": ("variant inventory tracker", "inventory tracker"),
        "quantity": ("variant inventory qty", "inventory quantity"),
        "price": ("variant price", "price"),
        "compare": ("variant compare at price", "compare-at price"),
        "cost": ("cost per item",),
        "taxable": ("variant taxable", "charge tax"),
        "shipped": ("variant requires shipping", "requires shipping"),
        "image": ("image src", "product image url"),
        "image place": ("image position",),
        "own image": ("variant image", "variant image url"),
    }
)

MAX_PRODUCT_ROWS = 5_000
"""Rows of one product, which are read together; Shopify allows 2,048 variants and 250 images."""

_NUMBERS = {
    "price": "price",
    "compareAtPrice": "compare",
    "costPrice": "cost",
    "inventoryQuantity": "quantity",
    "grams": "grams",
}
_OPTIONS = ("option1", "option2", "option3")
_SURE_SIGNS = ("variant sku", "variant price", "option1 value", "published on online store")


def is_shopify(header: Sequence[str]) -> bool:
    """Return whether a header is that of a Shopify export."""
    columns = {column.strip().casefold() for column in header}
    handled = "handle" in columns or "url handle" in columns
    return handled and "title" in columns and any(sign in columns for sign in _SURE_SIGNS)


def read_shopify(table: Table, rules: Rules) -> Iterator[Entry]:
    """Yield the variants as products; docs/catalogue.md has the fields.

    Raises:
        UnreadableError: about the header, or a product of too many rows.
    """
    header = Header(table.header, NAMES)
    header.demand(table.line, "handle", "title", "sku")
    for rows in _products(table, header):
        product = _Product(header, rules, rows)
        everything = [row.cells for row in rows]
        for at, row in enumerate(rows):
            try:
                if product.is_variant(row):
                    yield Item(row.line, product.variant(row), Rows(everything, at))
            except UnreadableError as fault:
                yield Rejected(fault, Rows(everything, at))


def _products(table: Table, header: Header) -> Iterator[list[Row]]:
    """Yield the rows of each product: those that stand together with one handle."""
    rows: list[Row] = []
    handle = None
    for row in table.rows():
        # Of a row that could not be read the handle is not known: it stays with its neighbours.
        its = handle if row.fault is not None else header.cell(row.cells, "handle")
        if rows and its != handle:
            yield rows
            rows = []
        rows.append(row)
        handle = its
        if len(rows) > MAX_PRODUCT_ROWS:
            raise UnreadableError(
                f"more than {MAX_PRODUCT_ROWS:,} rows of one product", rows[0].line
            )
    if rows:
        yield rows


class _Product:
    """What the rows of one product have in common."""

    def __init__(self, header: Header, rules: Rules, rows: Sequence[Row]) -> None:
        self._header = header
        self._keys = rules.keys
        self._head = next((row for row in rows if self._is_head(row)), None)
        self._images = self._all_images(rows)
        self._shared = {} if self._head is None else self._common(self._head.cells)

    def is_variant(self, row: Row) -> bool:
        """Return whether a row is a variant, and not an image only. Raises what is its fault."""
        if row.fault is not None:
            raise row.fault
        return any(self._header.cell(row.cells, sign) for sign in (*_OPTIONS, "sku", "price"))

    def variant(self, row: Row) -> dict[str, object]:
        """Return a variant as a product of ours.

        Raises:
            UnreadableError: naming the column.
        """
        if not self._header.cell(row.cells, "handle"):
            raise self._fault(row, "handle", "empty, expected the product's handle")
        if self._head is None:
            raise self._fault(
                row, "title", "empty, expected it in the first of the product's rows, together"
            )
        options = list(self._options(row.cells, self._head.cells))
        title = self._header.cell(self._head.cells, "title")
        chosen = " / ".join(option["value"] for option in options)
        found: dict[str, object] = {
            "sku": self._as_typed(row, "sku"),
            "name": f"{title} - {chosen}" if chosen else title,
            **self._shared,
            **self._numbers(row),
            "barcode": self._as_typed(row, "barcode"),
            "taxable": self._truth(row, "taxable"),
            "requiresShipping": self._truth(row, "shipped"),
            "options": options,
            "images": self._images_of(row.cells),
        }
        variant = {field: value for field, value in found.items() if value not in ("", [], None)}
        if not any(key in variant for key in self._keys):
            raise self._fault(row, "sku", "empty, expected the product's key")
        return variant

    def _common(self, head: Sequence[str]) -> dict[str, object]:
        cell = self._header.cell
        category = cell(head, "category")
        status, published = cell(head, "status"), cell(head, "published")
        return {
            "description": cell(head, "body"),
            "productType": cell(head, "type"),
            "brand": cell(head, "vendor"),
            "tags": listed(cell(head, "tags")),
            "categories": [category] if category else [],
            "published": _is_on_sale(status or published),
            "product": {"handle": cell(head, "handle"), "name": cell(head, "title")},
        }

    def _options(self, cells: Sequence[str], head: Sequence[str]) -> Iterator[dict[str, str]]:
        for option in _OPTIONS:
            name = self._header.cell(head, f"{option} name")
            value = self._header.cell(cells, option)
            if value and value != "Default Title":
                yield {"name": name or option.capitalize(), "value": value}

    def _numbers(self, row: Row) -> dict[str, object]:
        numbers: dict[str, object] = {}
        for field, ours in _NUMBERS.items():
            if cell := self._header.cell(row.cells, ours):
                numbers[field] = number(cell, row.line, self._header.name(ours))
        if "tracker" in self._header and not self._header.cell(row.cells, "tracker"):
            numbers.pop("inventoryQuantity", None)
        return numbers

    def _truth(self, row: Row, ours: str) -> bool | None:
        cell = self._header.cell(row.cells, ours)
        return boolean(cell, row.line, self._header.name(ours)) if cell else None

    def _as_typed(self, row: Row, ours: str) -> str:
        # Shopify writes an apostrophe before digits, so that spreadsheets leave them alone.
        return self._header.cell(row.cells, ours).removeprefix("'")

    def _all_images(self, rows: Sequence[Row]) -> list[str]:
        placed = []
        for row in rows:
            if row.fault is None and (image := self._header.cell(row.cells, "image")):
                place = self._header.cell(row.cells, "image place")
                placed.append((int(place) if place.isdecimal() else len(rows), image))
        return list(dict.fromkeys(image for _, image in sorted(placed, key=lambda one: one[0])))

    def _images_of(self, cells: Sequence[str]) -> list[str]:
        own = self._header.cell(cells, "own image")
        return [own] if own else self._images

    def _is_head(self, row: Row) -> bool:
        return row.fault is None and bool(self._header.cell(row.cells, "title"))

    def _fault(self, row: Row, ours: str, problem: str) -> UnreadableError:
        return UnreadableError(problem, row.line, self._header.name(ours))


def _is_on_sale(status: str) -> bool | None:
    return status.lower() in ("active", "true") if status else None
