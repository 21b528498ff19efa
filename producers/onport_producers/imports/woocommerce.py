r"""WooCommerce's own product export: a row for each product and for each variation.

As the plugin writes it (includes/export/class-wc-product-csv-exporter.php and
abstract-wc-csv-exporter.php): values of one cell are separated by ", ", a comma in a value is "\,";
a line feed in a description is "\n"; an apostrophe stands before what a spreadsheet could take for
a formula; prices have the shop's decimal sign and no separator of thousands; the header is written
last, so that earlier rows may have fewer cells. Rows come by their ids, so mostly, but not always,
a variation comes after its parent; that is named by its SKU, or as id:123 if it has none.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from onport_producers.imports.cells import number
from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.header import Header
from onport_producers.imports.item import Entry, Item, Rejected, Rows
from onport_producers.imports.parents import Parents
from onport_producers.imports.rules import Rules
from onport_producers.imports.table import Row, Table
from onport_producers.imports.woocommerce_columns import NAMES, attributes_of, weight_of

_TRAITS = frozenset({"virtual", "downloadable"})
_COMMA = re.compile(r"(?<!\\),")
_LINE_FEED = re.compile(r"\\(\\n|n)")

_Cells = Sequence[str]


def read_woocommerce(table: Table, rules: Rules) -> Iterator[Entry]:
    """Yield what can be sold: products and variations, these with what they have of their parents.

    Variable and grouped products are no items: what they are made of is. docs/catalogue.md has the
    fields.

    Raises:
        UnreadableError: about the header, naming the column.
    """
    products = _Products(table, rules)
    with Parents() as parents:
        for row in table.rows(padded=True):
            kind = "faulty" if row.fault else products.kind(row.cells)
            if kind == "variable":
                parents.add(products.names(row.cells), row.cells)
            elif kind == "variation":
                parent = parents.get(products.parent_name(row.cells))
                if parent is None:
                    parents.set_aside(row)
                else:
                    yield products.entry(row, parent)
            elif kind != "grouped":
                yield products.entry(row)
        for row in parents.waiting():
            yield products.entry(row, parents.get(products.parent_name(row.cells)))


class _Products:
    """What the rows of one file say."""

    def __init__(self, table: Table, rules: Rules) -> None:
        self._header = Header(table.header, NAMES, _unescaped)
        self._header.demand(table.line, "type")
        self._weight = weight_of(table.header)
        self._attributes = attributes_of(table.header)
        self._rules = rules

    def kind(self, cells: _Cells) -> str:
        """Return what a row is: "variable", "variation", "grouped" or another product."""
        kinds = [kind for kind in _values(self._header.cell(cells, "type")) if kind not in _TRAITS]
        kind = kinds[0] if kinds else "simple"
        # Subscriptions, for one, come as variable-subscription and subscription_variation.
        if kind.startswith("variable"):
            return "variable"
        return "variation" if "variation" in kind else kind

    def names(self, cells: _Cells) -> _Cells:
        """Return the names that a row's variations may call it by."""
        sku, number_of = self._header.cell(cells, "sku"), self._header.cell(cells, "id")
        return [name for name in (sku, f"id:{number_of}" if number_of else "") if name]

    def parent_name(self, cells: _Cells) -> str:
        """Return what a variation calls its parent."""
        return self._header.cell(cells, "parent")

    def entry(self, row: Row, parent: _Cells | None = None) -> Entry:
        """Return a row as a product of ours, or what is wrong with it."""
        rows = Rows((row.cells,)) if parent is None else Rows((parent, row.cells), 1)
        try:
            return Item(row.line, self._product(row, parent), rows)
        except UnreadableError as fault:
            return Rejected(fault, rows)

    def _product(self, row: Row, parent: _Cells | None) -> dict[str, object]:
        if row.fault is not None:
            raise row.fault
        own = self._header.cell
        if parent is None and self.kind(row.cells) == "variation":
            name = self.parent_name(row.cells)
            problem = f"{name[:80]!r} is not in the file, expected the variable product, too"
            raise self._fault(row, "parent", problem if name else "empty, expected the parent")
        whole = row.cells if parent is None else parent

        def cell(ours: str) -> str:
            return own(row.cells, ours) or own(whole, ours)

        options = [] if parent is None else self._options(row.cells, parent)
        found: dict[str, object] = {
            "externalId": own(row.cells, "id"),
            "sku": own(row.cells, "sku"),
            "name": own(row.cells, "name") or self._composed_name(whole, options),
            "description": _text(cell("description") or cell("short")),
            **self._prices(row, whole),
            "costPrice": self._number(row, "cost", cell("cost")),
            "inventoryQuantity": self._quantity(row, whole),
            "barcode": own(row.cells, "barcode"),
            "grams": self._grams(row, whole),
            "taxable": cell("tax") == "taxable" if cell("tax") else None,
            "requiresShipping": "virtual" not in _values(own(row.cells, "type")),
            "options": options,
            "images": _values(cell("images")),
            "tags": _values(cell("tags")),
            "categories": _values(cell("categories")),
            "brand": cell("brands"),
            "published": self._is_published(row.cells, whole),
            "product": self._shared(whole),
        }
        product = {field: value for field, value in found.items() if value not in ("", [], None)}
        if not any(key in product for key in self._rules.keys):
            column = "sku" if "sku" in self._header else "id"
            raise self._fault(row, column, "empty, expected the product's key")
        return product

    def _prices(self, row: Row, whole: _Cells) -> dict[str, object]:
        own = self._header.cell
        cells = row.cells if own(row.cells, "regular") or own(row.cells, "sale") else whole
        regular = self._number(row, "regular", own(cells, "regular"))
        sale = self._number(row, "sale", own(cells, "sale"))
        if sale is None or not self._is_sale_on(row, cells):
            return {"price": regular}
        return {"price": sale, "compareAtPrice": regular}

    def _is_sale_on(self, row: Row, cells: _Cells) -> bool:
        begins, ends = self._date(row, cells, "sale from"), self._date(row, cells, "sale to")
        today = self._rules.today
        return (begins is None or begins <= today) and (ends is None or today <= ends)

    def _date(self, row: Row, cells: _Cells, ours: str) -> date | None:
        text = self._header.cell(cells, ours)
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            problem = f"{text[:40]!r} is no date, expected e.g. 2026-01-31"
            raise self._fault(row, ours, problem) from None

    def _quantity(self, row: Row, whole: _Cells) -> int | float | None:
        stock = self._header.cell(row.cells, "stock")
        if stock == "parent":
            stock = self._header.cell(whole, "stock")
        if stock:
            return self._number(row, "stock", stock)
        # What is not counted is as good as none once the shop has said that none is left.
        return 0 if self._header.cell(row.cells, "in stock") == "0" else None

    def _grams(self, row: Row, whole: _Cells) -> int | float | None:
        if self._weight is None:
            return None
        place, name, unit = self._weight
        text = _unescaped(row.cells[place]) or _unescaped(whole[place])
        if not text:
            return None
        grams = number(text, row.line, name, decimal=",") * unit
        return int(grams) if grams == int(grams) else round(grams, 3)

    def _options(self, cells: _Cells, parent: _Cells) -> list[dict[str, str]]:
        options = []
        for number_of, (name, values) in enumerate(self._attributes, 1):
            called = "" if name is None else _unescaped(cells[name]) or _unescaped(parent[name])
            # An empty one leaves it to the customer.
            if value := _unescaped(cells[values]).replace("\\,", ","):
                options.append({"name": called or f"Attribute {number_of}", "value": value})
        return options

    def _composed_name(self, parent: _Cells, options: Sequence[dict[str, str]]) -> str:
        values = ", ".join(option["value"] for option in options)
        name = self._header.cell(parent, "name")
        return f"{name} - {values}" if name and values else name

    def _is_published(self, cells: _Cells, whole: _Cells) -> bool | None:
        if "published" not in self._header:
            return None
        return all(self._header.cell(those, "published") == "1" for those in (cells, whole))

    def _shared(self, whole: _Cells) -> dict[str, str]:
        own = self._header.cell
        shared = {"externalId": own(whole, "id"), "sku": own(whole, "sku")}
        named = {**shared, "name": own(whole, "name")}
        return {field: value for field, value in named.items() if value}

    def _number(self, row: Row, ours: str, text: str) -> int | float | None:
        if not text:
            return None
        return number(text, row.line, self._header.name(ours), decimal=",")

    def _fault(self, row: Row, ours: str, problem: str) -> UnreadableError:
        return UnreadableError(problem, row.line, self._header.name(ours))


def _unescaped(cell: str) -> str:
    text = cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r") else cell
    return text.strip()


def _values(cell: str) -> list[str]:
    parts = (part.replace("\\,", ",").strip() for part in _COMMA.split(cell))
    return [part for part in parts if part]


def _text(cell: str) -> str:
    return _LINE_FEED.sub(lambda found: "\n" if found[1] == "n" else "\\n", cell)
