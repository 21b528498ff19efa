"""A real shop's order lines as the demonstration's shop.

The columns are those of the "Online Retail" data set (UCI, https://doi.org/10.24432/C5BW33): an
invoice is a sale, a StockCode a product, an invoice starting with C a cancellation.
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from onport_queue.errors import InvalidJobError
from onport_worker.demo.shop import Json, SaleEvent

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One order line."""

    invoice: str
    stock_code: str
    description: str
    quantity: int
    at: datetime
    price: float
    customer: str


@dataclass(frozen=True, slots=True)
class OrdersShop:
    """Invoices in time order, again and again under fresh ids."""

    prefix: str
    seed: int
    lines: tuple[Line, ...]

    def sale_events(self) -> Iterator[SaleEvent]:
        """Yield orders and cancellations; every tenth invoice is paid up to two seconds later.

        A cancellation of a customer without an earlier order has nothing to update and is skipped.
        """
        chance = random.Random(self.seed)  # noqa: S311 - a story, not a secret
        invoices = _invoices(self.lines)
        for round_number in count(1):
            latest: dict[str, Json] = {}
            for place, (invoice, lines) in enumerate(invoices, start=1):
                customer = lines[0].customer
                if invoice.startswith("C"):
                    if customer and customer in latest:
                        latest[customer] = _cancelled(latest[customer], lines)
                        yield SaleEvent(latest[customer], new=False)
                    continue
                sale = self._sale(f"{self.prefix}-{round_number}-{invoice}", lines)
                if customer:
                    latest[customer] = sale
                follow_up = chance.uniform(0, 2) if place % 10 == 0 else None
                yield SaleEvent(sale, new=True, follow_up_s=follow_up)

    def products(self) -> Iterator[Json]:
        """Yield every stock code as a product, again and again under fresh keys."""
        known = {line.stock_code: line for line in self.lines}
        for round_number in count(1):
            for code, line in known.items():
                yield {
                    "sku": f"{self.prefix}-{round_number}-{code}",
                    "name": line.description,
                    "costPrice": line.price,
                }

    def skipped(self) -> int:
        """Return how many cancellations of one round have no earlier order of their customer."""
        seen, skipped = set(), 0
        for invoice, lines in _invoices(self.lines):
            customer = lines[0].customer
            if invoice.startswith("C"):
                skipped += not (customer and customer in seen)
            else:
                seen.add(customer)
        return skipped

    def _sale(self, external_id: str, lines: list[Line]) -> Json:
        return {
            "externalId": external_id,
            "saleDefaults": {"reference": external_id, "dateOrdered": lines[0].at.isoformat()},
            "customer": {"firstName": "Customer", "lastName": lines[0].customer or "unknown"},
            "lineItems": [
                {
                    "externalId": f"{external_id}-{number}",
                    "name": line.description,
                    "quantity": line.quantity,
                    "price": line.price,
                    "variant": {"externalId": line.stock_code},
                }
                for number, line in enumerate(lines, start=1)
            ],
            "shipping": [],
            "options": {},
        }


def read_orders(path: Path) -> tuple[Line, ...]:
    """Read order lines.

    Raises:
        InvalidJobError: naming the file, the line and the column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidJobError(str(path), f"no column {', '.join(missing)}")
            lines = tuple(_line(row, f"{path} line {reader.line_num}") for row in reader)
    except OSError as error:
        raise InvalidJobError(str(path), error.strerror or "can't be read") from error
    except UnicodeDecodeError as error:
        raise InvalidJobError(str(path), f"not UTF-8 (byte {error.start + 1})") from error
    if not lines:
        raise InvalidJobError(str(path), "holds no order lines")
    return lines


def _line(row: dict[str, str], place: str) -> Line:
    try:
        return Line(
            invoice=row["InvoiceNo"].strip(),
            stock_code=row["StockCode"].strip(),
            description=row["Description"].strip(),
            quantity=int(row["Quantity"]),
            # The data set gives local time without a zone; only its order matters here.
            at=datetime.strptime(row["InvoiceDate"], "%m/%d/%Y %H:%M"),  # noqa: DTZ007
            price=float(row["UnitPrice"]),
            customer=(row["CustomerID"] or "").strip(),
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidJobError(place, f"not an order line: {error}") from None


def _invoices(lines: tuple[Line, ...]) -> list[tuple[str, list[Line]]]:
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.invoice, []).append(line)
    return sorted(grouped.items(), key=lambda invoice: invoice[1][0].at)


def _cancelled(sale: Json, lines: list[Line]) -> Json:
    gone: dict[str, int] = {}
    for line in lines:
        gone[line.stock_code] = gone.get(line.stock_code, 0) + abs(line.quantity)
    kept = []
    for entry in sale["lineItems"]:
        off = min(entry["quantity"], gone.get(entry["variant"]["externalId"], 0))
        gone[entry["variant"]["externalId"]] = gone.get(entry["variant"]["externalId"], 0) - off
        kept.append({**entry, "quantity": entry["quantity"] - off})
    return {**sale, "lineItems": kept}
