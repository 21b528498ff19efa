import json

import pytest
from tests.benchmarks.payloads import BYTES, Load, product, sale


@pytest.mark.parametrize("number", [0, 7, 996, 123_456, 99_999_999])
def test_a_sale_has_1_kb_and_a_product_too(number: int) -> None:
    assert len(json.dumps(sale(number, 3))) == BYTES
    assert len(json.dumps(product(number, 3, stage=2))) == BYTES


def test_the_seed_draws_the_text_and_nothing_else() -> None:
    first, other = sale(5, seed=1), sale(5, seed=2)

    assert first == sale(5, seed=1)
    assert first["note"] != other["note"]
    assert {**first, "note": ""} == {**other, "note": ""}


def test_a_batch_carries_products_that_no_other_batch_carries() -> None:
    batches = [payload for _, payload in Load(what="product", jobs=3, items=50, first=1)]

    keys = [item["externalId"] for batch in batches for item in batch]
    assert [len(batch) for batch in batches] == [50, 50, 50]
    assert len(set(keys)) == 150
    assert keys[0] == "P-00000050"


def test_a_stage_changes_the_job_and_keeps_its_key() -> None:
    ((_, created),) = Load(what="sale", jobs=1)
    ((_, paid),) = Load(what="sale", jobs=1, stage=1)

    assert created["externalId"] == paid["externalId"]
    assert created["saleDefaults"]["status"] == "open"
    assert paid["saleDefaults"]["status"] == "paid"
