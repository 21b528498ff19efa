"""What each page takes for granted: who runs already, which files are there, what was before."""

import gzip
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.docs.blocks import ROOT
from tests.docs.stage import Stage, staged
from tests.worker.cli.conftest import bury, put

from onport_producers import Producer
from onport_queue.broker import connect
from onport_queue.names import Kind, Lane
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_sandbox import SandboxProcess, SandboxSettings, read_receipts
from onport_worker.embedded import EmbeddedBroker
from onport_worker.fleet import Fleet, GatewayPlan, WorkerPlan

Scene = Callable[[Path, str], AbstractContextManager[Stage]]
"""Given an empty folder, and the program that calls `onport-relay`."""

SECRET = "..."
"""What pages write in place of a hash."""

_EXPORTS = ROOT / "tests" / "producers" / "imports" / "exports"
_ORDER = '{"externalId": "1001", "saleDefaults": {"reference": "#1001"}, "lineItems": []}\n'
_CATALOGUE = "sku,name,inventoryQuantity\nTEE-RED-M,Red tee,12\nTEE-RED-L,Red tee,0\n"
_SUPPLIERS = "sku,inventoryQuantity\nMUG-1,many\nMUG-2,4\n"
_LINKS = "sku,vendorSku,dropshipProviderExternalId\nTEE-RED-M,V-1001,northern-supply\n"


@contextmanager
def bare(folder: Path, call: str) -> Iterator[Stage]:
    """A machine on which nothing runs yet, but a sandbox where Onport would be."""
    answers = SandboxSettings(hashes={"default": SECRET, "rotated": "the-new-one"})
    with (
        SandboxProcess(answers) as onport,
        staged(folder, call, base_url=onport.url) as stage,
    ):
        stage.write("order.json", _ORDER)
        stage.write("catalogue.csv", _CATALOGUE)
        yield stage


@contextmanager
def configured(folder: Path, call: str) -> Iterator[Stage]:
    """Nothing runs yet, but the hash is there."""
    with bare(folder, call) as stage:
        stage.configure(webhook_hash=SECRET)
        yield stage


@contextmanager
def with_broker(folder: Path, call: str) -> Iterator[Stage]:
    """A broker besides, and the hash in the environment; what it holds adds up at the end."""
    with (
        EmbeddedBroker(folder / "broker", appendfsync="no") as broker,
        bare(folder, call) as stage,
    ):
        stage.configure(redis_url=broker.url, webhook_hash=SECRET)
        yield stage
        with connect(broker.url) as client:
            assert Queue(client).stats().imbalance == 0


@contextmanager
def with_worker(folder: Path, call: str) -> Iterator[Stage]:
    """A worker besides."""
    plans = [WorkerPlan("low", (Lane.HIGH, Lane.LOW), 2)]
    with with_broker(folder, call) as stage:
        settings = load_settings(
            redis_url=stage.setting("redis_url"),
            base_url=stage.setting("base_url"),
            webhook_hash=SECRET,
            channels={"canary": {"account": "canary", "webhook_hash": SECRET}},
        )
        with Fleet(settings, plans, folder / "workers.log"):
            yield stage


@contextmanager
def schedules(folder: Path, call: str) -> Iterator[Stage]:
    """A folder with a file of links."""
    with with_broker(folder, call) as stage:
        stage.stand_ins["/srv/shop"] = str(folder / "srv" / "shop")
        stage.write("srv/shop/links/today.csv", _LINKS)
        yield stage


@contextmanager
def shop(folder: Path, call: str) -> Iterator[Stage]:
    """Nothing but time: at the end what each language put has arrived at the page's sandbox."""
    with bare(folder, call) as stage:
        yield stage
        stage.wait_until(lambda: {"1001", "1002", "1003", "1004"} <= arrived(stage))
        assert {"TEE-RED-M", "TEE-S", "TEE-M", "TEE-L", "TEE-BLUE-S"} <= arrived(stage)


def arrived(stage: Stage) -> set[str | None]:
    """Return the keys that the page's own sandbox has receipts of."""
    receipts = read_receipts(stage.folder / "receipts.jsonl")
    return {item.key for receipt in receipts if receipt.applied for item in receipt.items}


@contextmanager
def checkout(folder: Path, call: str) -> Iterator[Stage]:
    """A shop that has orders."""
    order = """
class Order:
    updated_at_ms = 1

    def as_onport_sale(self):
        return {"externalId": "1001", "lineItems": []}

"""
    with with_broker(folder, call) as stage:
        stage.uses["def placed(order):"] = f"{order}\nplaced(Order())\n"
        stage.uses["async def placed"] = f"import asyncio\n{order}\nasyncio.run(placed(Order()))\n"
        yield stage
        with connect(stage.setting("redis_url")) as client:
            assert Queue(client).stats().ledger.accepted == 2


@contextmanager
def operations(folder: Path, call: str) -> Iterator[Stage]:
    """A relay after a bad day: letters of each kind, and what waits."""
    with with_broker(folder, call) as stage, connect(stage.setting("redis_url")) as client:
        queue = Queue(client)
        bury(queue, "1001", "1002")
        bury(queue, "sku=TEE-RED-M", kind=Kind.PRODUCT, lane=Lane.LOW)
        put(queue, "1003")
        yield stage


@contextmanager
def catalogue(folder: Path, call: str) -> Iterator[Stage]:
    """The files that a shop and a supplier have left."""

    def mended() -> None:
        rejects = (folder / "rejects.csv").read_text()
        assert "rejected_because" in rejects
        stage.write("rejects.csv", rejects.replace("many", "7"))

    with with_worker(folder, call) as stage:
        shutil.copy(_EXPORTS / "shopify_newer_names.csv", folder / "products_export.csv")
        shutil.copy(_EXPORTS / "woocommerce_german.csv", folder / "wc-product-export.csv")
        stage.write("supplier.csv", _SUPPLIERS)
        (folder / "nightly.jsonl.gz").write_bytes(gzip.compress(b'{"sku": "CAP-1"}\n'))
        stage.meanwhile["./relay send products rejects.csv"] = mended
        yield stage


@contextmanager
def outbox(folder: Path, call: str) -> Iterator[Stage]:
    """A database of another maker than the page's, which needs no server."""
    with with_broker(folder, call) as stage:
        stage.stand_ins["postgresql://shop:PASSWORD@db.example/shop"] = "sqlite:///shop.db"
        yield stage


@contextmanager
def backup(folder: Path, call: str) -> Iterator[Stage]:
    """Nothing yet; at the end the restored relay has delivered what the copy held."""
    with configured(folder, call) as stage:
        stage.meanwhile["mkdir restored"] = stage.close
        yield stage
        with connect(shown(folder / "restored" / "relay.env")) as client:
            queue = Queue(client)
            stage.wait_until(lambda: queue.stats().ledger.delivered == 1)


def shown(environment: Path) -> str:
    """Return the address that a file of `up` gives."""
    (line,) = (line for line in environment.read_text().splitlines() if "REDIS_URL=" in line)
    return line.partition("=")[2].strip("'")


@contextmanager
def two_gateways(folder: Path, call: str) -> Iterator[Stage]:
    """Nothing runs yet; the page starts a gateway beside that of `up`."""
    with configured(folder, call) as stage:
        yield stage
        stage.wait_for_gateway("8081")  # it says where it is before it serves


@contextmanager
def monitoring(folder: Path, call: str) -> Iterator[Stage]:
    """A gateway besides, and an order."""
    with with_broker(folder, call) as stage:
        settings = load_settings(redis_url=stage.setting("redis_url"), webhook_hash=SECRET)
        Producer(settings).create_sale(_ORDER)
        with Fleet(settings, [GatewayPlan(int(stage.port("8080")))], folder / "gateway.log"):
            stage.wait_for_gateway("8080")
            yield stage


SCENES: Mapping[str, Scene] = {
    "docs/backup.md": backup,
    "docs/bad-day.md": bare,
    "docs/catalogue.md": catalogue,
    "docs/checkout.md": checkout,
    "docs/gateway.md": two_gateways,
    "docs/go-live.md": with_worker,
    "docs/monitoring.md": monitoring,
    "docs/operations.md": operations,
    "docs/outbox.md": outbox,
    "docs/page.md": two_gateways,
    "docs/quickstart.md": bare,
    "docs/schedules.md": schedules,
    "docs/shop.md": shop,
}


def scene_of(page: str) -> Scene:
    """Return where a page's blocks run."""
    return SCENES.get(page, with_broker)
