from itertools import islice
from pathlib import Path

import pytest

from onport_queue.errors import InvalidJobError
from onport_worker.demo.orders import COLUMNS, OrdersShop, read_orders

HEADER = ",".join(COLUMNS)
ROWS = (
    "1,A,Lamp,5,12/1/2010 8:26,2.5,17,United Kingdom",
    "1,B,Vase,2,12/1/2010 8:26,3,17,United Kingdom",
    "2,A,Lamp,1,12/1/2010 8:30,2.5,,France",
    "C3,A,Lamp,-3,12/1/2010 9:00,2.5,17,United Kingdom",
    "C4,A,Lamp,-3,12/1/2010 9:01,2.5,99,United Kingdom",
)


def a_shop(directory: Path, *rows: str) -> OrdersShop:
    file = directory / "orders.csv"
    file.write_text("\n".join((HEADER, *rows)))
    return OrdersShop("t", 1, read_orders(file))


def test_an_invoice_is_a_sale_with_its_lines(tmp_path: Path) -> None:
    event = next(a_shop(tmp_path, *ROWS).sale_events())
    assert event.new
    assert event.sale["externalId"] == "t-1-1"
    assert [line["quantity"] for line in event.sale["lineItems"]] == [5, 2]


def test_a_cancellation_updates_the_customers_latest_earlier_invoice(tmp_path: Path) -> None:
    events = list(islice(a_shop(tmp_path, *ROWS).sale_events(), 3))
    assert (events[2].new, events[2].sale["externalId"]) == (False, "t-1-1")
    assert [line["quantity"] for line in events[2].sale["lineItems"]] == [2, 2]


def test_a_cancellation_without_an_earlier_invoice_is_skipped_and_counted(tmp_path: Path) -> None:
    assert a_shop(tmp_path, *ROWS).skipped() == 1


def test_orders_repeat_under_fresh_ids(tmp_path: Path) -> None:
    events = list(islice(a_shop(tmp_path, *ROWS).sale_events(), 4))
    assert events[3].sale["externalId"] == "t-2-1"


def test_products_are_stock_codes_and_never_repeat_a_key(tmp_path: Path) -> None:
    products = list(islice(a_shop(tmp_path, *ROWS).products(), 4))
    assert [product["sku"] for product in products] == ["t-1-A", "t-1-B", "t-2-A", "t-2-B"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no column InvoiceNo"),
        ("InvoiceNo,StockCode\n1,A", "no column Description"),
        (HEADER, "holds no order lines"),
        (f"{HEADER}\n1,A,Lamp,many,12/1/2010 8:26,2.5,17,UK", "line 2: not an order line"),
        (f"{HEADER}\n1,A,Lamp,5,yesterday,2.5,17,UK", "line 2: not an order line"),
        (f"{HEADER}\n1,A,Lamp", "line 2: not an order line"),
    ],
)
def test_faulty_orders_are_named_by_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(text)
    with pytest.raises(InvalidJobError, match=problem):
        read_orders(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidJobError, match="No such file"):
        read_orders(tmp_path / "nowhere.csv")
