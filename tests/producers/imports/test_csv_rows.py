import io
from datetime import date

import pytest

from onport_producers.imports import (
    Entry,
    Item,
    Rejected,
    Rules,
    Source,
    UnreadableError,
    read_contents,
    read_items,
)
from onport_producers.imports.cells import BOOLEANS, NUMBERS
from onport_queue.csv_settings import CsvSettings
from onport_queue.errors import InvalidJobError
from onport_queue.jobs import product_job


def read(content: bytes, *keys: str) -> list[Item]:
    source = Source("p.csv", io.BytesIO(content))
    return list(read_items(source, keys=keys or ("externalId", "sku")))


def mapped(content: bytes, columns: dict[str, object], **settings: object) -> list[Entry]:
    csv = CsvSettings.model_validate({"columns": columns, **settings})
    rules = Rules(("externalId", "sku"), date(2026, 11, 25), csv)
    return list(read_contents(Source("p.csv", io.BytesIO(content)), rules).entries)


def test_columns_become_text_but_for_the_documented_numbers_and_booleans() -> None:
    (item,) = read(
        b"sku,barcode,inventoryQuantity,costPrice,grams,taxable\n007,0012,-3,9.50,1e3,TRUE\n"
    )

    assert item.payload == {
        "sku": "007",
        "barcode": "0012",
        "inventoryQuantity": -3,
        "costPrice": 9.5,
        "grams": 1000.0,
        "taxable": True,
    }


@pytest.mark.parametrize("field", sorted(NUMBERS | BOOLEANS))
def test_each_converted_column_is_one_that_would_be_refused_as_text(field: str) -> None:
    with pytest.raises(InvalidJobError, match=field):
        product_job({"sku": "1", field: "1"})


def test_an_empty_number_is_left_out_and_an_empty_text_is_kept() -> None:
    (item,) = read(b"sku,grams,taxable,name\n1, ,,\n")

    assert item.payload == {"sku": "1", "name": ""}


def test_a_row_carries_the_line_it_begins_on() -> None:
    items = read(b'sku,name\r\n1,"two\r\nlines"\r\n\r\n2,x\r\n')

    assert [(item.line, item.payload) for item in items] == [
        (2, {"sku": "1", "name": "two\r\nlines"}),
        (5, {"sku": "2", "name": "x"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read(b"\xef\xbb\xbfsku\n1\n")[0].payload == {"sku": "1"}


def test_a_header_alone_holds_no_products() -> None:
    assert read(b"sku,name\n") == []


GOOD = b"sku,name\n" + b"1,x\n" * 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "p.csv: empty"),
        (b"name,grams\nx,1\n", "p.csv line 1: no column externalId or sku to key a product by"),
        (b"sku,,name\n", "p.csv line 1: column 2 has no name"),
        (b"sku,name,sku\n", "p.csv line 1: sku: two columns of this name"),
        (GOOD + b"1\n", "p.csv line 7: 1 cells, expected 2 as in the header"),
        (GOOD + b"1,x,y\n", "p.csv line 7: 3 cells, expected 2"),
        (GOOD + b" ,x\n", "p.csv line 7: sku: empty, expected the product's key"),
        (GOOD + b'1,"x\n1,x\n', "p.csv line 7: not CSV: unexpected end of data"),
        (GOOD + b'1,"x"y\n', "p.csv line 7: not CSV: ',' expected after '\"'"),
        (GOOD + b"1,caf\xe9\n", "p.csv line 7: not UTF-8: byte 0xe9"),
        (GOOD + b"1," + b"x" * 10_000_000 + b"\n", "p.csv line 7: longer than 10,000,000 bytes"),
    ],
    ids=range(11),
)
def test_what_is_wrong_with_csv_is_told_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError) as refusal:
        read(content)

    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("cell", ["two", "1,5", "NaN", "inf", "1_000", "0x1F", "1e999", "٣", "1 2"])
@pytest.mark.parametrize("column", sorted(NUMBERS))
def test_what_is_no_number_is_told_with_line_and_column(cell: str, column: str) -> None:
    content = f'sku,{column}\n1,1\n2,"{cell}"\n'.encode()

    with pytest.raises(UnreadableError, match=f"^p.csv line 3: {column}: '{cell}' is no number"):
        read(content)


def test_what_is_no_boolean_is_told_with_line_and_column() -> None:
    with pytest.raises(UnreadableError, match=r"^p\.csv line 2: taxable: 'ja', expected true or"):
        read(b"sku,taxable\n1,ja\n")


def test_a_named_key_must_be_a_column() -> None:
    with pytest.raises(UnreadableError, match=r"no column StockCode .*columns: sku, name"):
        read(GOOD, "StockCode")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_header(delimiter: str) -> None:
    content = f"sku{delimiter}name{delimiter}grams\n1{delimiter}x{delimiter}5\n"

    assert read(content.encode())[0].payload == {"sku": "1", "name": "x", "grams": 5}


def test_a_cell_may_be_longer_than_python_allows_by_itself() -> None:
    (item,) = read(b"sku,name\n1," + b"x" * 200_000 + b"\n")

    assert item.payload == {"sku": "1", "name": "x" * 200_000}


def test_a_mapping_renames_columns_and_leaves_out_the_others() -> None:
    (item,) = mapped(
        b"Artikel;Lager;Einkauf\nA1;7;3,20\n", {"Artikel": "sku", "Lager": "inventoryQuantity"}
    )

    assert isinstance(item, Item)
    assert item.payload == {"sku": "A1", "inventoryQuantity": 7}


def test_a_mapped_column_has_the_type_that_the_mapping_says() -> None:
    columns: dict[str, object] = {
        "Artikel": "sku",
        "Preis": {"field": "price", "type": "number"},
        "Aktiv": {"field": "published", "type": "boolean"},
        "Bilder": {"field": "images", "type": "list"},
        "Code": {"field": "barcode", "type": "text"},
    }

    full, empty = mapped(
        b'Artikel;Preis;Aktiv;Bilder;Code\nA1;1234,50;true;"a.jpg, b.jpg";007\nA2;;;;\n',
        columns,
        decimal=",",
    )

    assert isinstance(full, Item)
    assert isinstance(empty, Item)
    assert full.payload == {
        "sku": "A1",
        "price": 1234.5,
        "published": True,
        "images": ["a.jpg", "b.jpg"],
        "barcode": "007",
    }
    assert empty.payload == {"sku": "A2", "barcode": ""}


def test_a_mapped_column_that_the_file_lacks_is_named() -> None:
    with pytest.raises(UnreadableError) as refusal:
        mapped(b"Artikel,Bestand\nA1,7\n", {"Artikel": "sku", "Lager": "inventoryQuantity"})

    assert str(refusal.value) == (
        "p.csv line 1: Lager: no column of this name in the header, while [csv.columns] makes it "
        "inventoryQuantity (columns: Artikel, Bestand)"
    )


def test_a_faulty_row_is_rejected_and_the_next_ones_are_read() -> None:
    entries = mapped(b'sku,grams\n1,two\n2,2\n3\n4,4,4\n,5\n6,caf\xe9\n7,"x"y\n8,8\n', {})

    assert [
        str(entry.fault) if isinstance(entry, Rejected) else entry.line for entry in entries
    ] == [
        "p.csv line 2: grams: 'two' is no number, expected e.g. 12 or 9.95",
        3,
        "p.csv line 4: 1 cells, expected 2 as in the header",
        "p.csv line 5: 3 cells, expected 2 as in the header",
        "p.csv line 6: sku: empty, expected the product's key",
        "p.csv line 7: not UTF-8: byte 0xe9; save the file as UTF-8",
        "p.csv line 8: not CSV: ',' expected after '\"'",
        9,
    ]


def test_a_row_of_empty_cells_only_is_none() -> None:
    assert [item.line for item in read(b"sku,name\n,\n1,x\n,\n")] == [3]


def test_the_header_may_stand_below_blank_lines() -> None:
    assert [item.line for item in read(b"\n\nsku\n1\n")] == [4]
