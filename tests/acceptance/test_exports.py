"""What a shop's export holds arrives: every SKU once, with its price, options and stock."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from tests.acceptance.relay import HASH, Relay, running

from onport_producers.imports import Item, Rules, open_source, read_contents
from onport_sandbox import SandboxSettings
from onport_sandbox.documents import canonical_digest

EXPORTS = Path(__file__).parents[1] / "producers" / "imports" / "exports"

SHOPIFY = {
    "LS-W-S": (59.9, ["Color: White", "Size: S", "Fit: Slim"], 12),
    "LS-W-M": (59.9, ["Color: White", "Size: M", "Fit: Slim"], -3),
    "00714": (62, ["Color: Navy", "Size: M", "Fit: Regular"], 0),
    "SOAP-1": (4.5, [], 140),
    "SRV-ENG": (9.0, [], None),
    "CAP-R": (19.0, ["Color: Red"], 7),
    "CAP-G": (19.0, ["Color: Grey"], 10),
    "GIFT-25": (25.0, ["Denominations: €25,00"], None),
}
WOOCOMMERCE = {
    "12": (19.9, [], 25),
    "13": (9.5, [], -4),
    "14": (29.95, [], 0),
    "15": (3, [], None),
    "20": (45, ["Color: Blue", "Size: L"], 3),
    "31": (39.99, ["Color: Red", "Size: M, tall"], 40),
    "41": (8.0, ["Scent: Fig"], 0),
    "42": (9, [], 5),
    "51": (120, [], None),
}


def sent(relay: Relay, file: Path) -> "subprocess.CompletedProcess[str]":
    """Send a file as a merchant does."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "onport_worker.cli", "send", "products", file, "--wait"],
        env={**os.environ, "ONPORT_RELAY_REDIS_URL": relay.settings.redis_url or ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("name", "expected", "rejected"),
    [("shopify.csv", SHOPIFY, 2), ("woocommerce.csv", WOOCOMMERCE, 3)],
)
def test_every_sku_of_an_export_arrives_once_with_its_price_options_and_stock(
    tmp_path: Path, name: str, expected: dict[str, tuple[object, ...]], rejected: int
) -> None:
    today = date(2026, 11, 25)
    with open_source(str(EXPORTS / name)) as source:
        contents = read_contents(source, Rules(("externalId", "sku"), today))
        read = [entry.payload for entry in contents.entries if isinstance(entry, Item)]
    meant = {}
    for item in read:
        assert isinstance(item, dict)
        options = [f"{option['name']}: {option['value']}" for option in item.get("options", [])]
        key = item.get("externalId") or item["sku"]
        assert (item["price"], options, item.get("inventoryQuantity")) == expected[key]
        meant[key] = canonical_digest(json.loads(json.dumps(item)))
    assert meant.keys() == expected.keys()
    with running(tmp_path, SandboxSettings(hashes={"default": HASH}), rate=50) as relay:
        relay.start_workers()
        result = sent(relay, EXPORTS / name)
        assert result.returncode == 2, result
        assert f"{len(expected)} items accepted, {rejected} rejected; " in result.stdout
        assert f"; {len(expected)} delivered." in result.stdout
        arrived = [
            item for receipt in relay.receipts() if receipt.applied for item in receipt.items
        ]
    assert Counter(item.key for item in arrived) == dict.fromkeys(expected, 1)
    assert {item.key: item.digest for item in arrived} == meant
