"""How many bytes of memory and disk a job takes, in each state it may be in.

python -m tests.benchmarks.stored_bytes
python -m tests.benchmarks.stored_bytes --jobs 20000 --payload 4000
"""

import argparse
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from onport_producers.spool import Spool
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.flight import Dead, Delivered, Gate, Granted, Retry, Settlement, Verdict
from onport_queue.fold import Mode
from onport_queue.jobs import product_job, sale_job
from onport_queue.names import Kind, Lane
from onport_queue.puts import JOBS_PER_PUT, PutBatch
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

_GATE = Gate(rate=1e6, batch_items=500, batch_bytes=1 << 30, prints={"default": ("print",)})
_HOUR_MS = 3_600_000


def payload(number: int, size: int) -> bytes:
    """Return a payload of so many bytes, like no other."""
    head = json.dumps({"externalId": f"order-{number}", "notes": ""}).encode()[:-2]
    return head + b"x" * (size - len(head) - 2) + b'"}'


def put(queue: Queue, kind: Kind, many: int, size: int, each: int = JOBS_PER_PUT) -> None:
    """Put so many jobs, so many in each call."""
    make = product_job if kind is Kind.PRODUCT else sale_job
    jobs = [make(payload(number, size)) for number in range(many)]
    for start in range(0, many, each):
        put_id = secrets.token_bytes(12)
        portion = jobs[start : start + each]
        queue.put(PutBatch(put_id, kind, "default", Lane.LOW, portion, Mode.FULL))


def end_all(queue: Queue, verdict: Verdict) -> None:
    """Let each flight end so, until nothing is pending."""
    lease = secrets.token_hex(16)
    while isinstance(granted := queue.claim(Lane.LOW, _GATE, lease), Granted):
        verdicts: Sequence[Verdict] = [verdict] * len(granted.items)
        queue.settle(lease, Settlement(verdicts, status="422", text="no such variant"))
        lease = secrets.token_hex(16)
    assert queue.stats().pending == 0


@contextmanager
def empty_queue(persist: bool) -> Iterator[tuple[redis.Redis, Queue, Path]]:
    """Give a queue of a broker of its own, and where its file is."""
    with (
        TemporaryDirectory(prefix="stored-") as directory,
        EmbeddedBroker(Path(directory), persist=persist, appendfsync="no") as broker,
        connect(broker.url) as client,
    ):
        yield client, Queue(client), Path(directory)


def used(client: redis.Redis) -> int:
    """Return what the data takes, without clients and buffers."""
    return int(client.memory_stats()["dataset.bytes"])


def measured(many: int, *steps: Callable[[Queue], object]) -> Sequence[float]:
    """Return the bytes per job after each step."""
    with empty_queue(persist=False) as (client, queue, _):
        put(queue, Kind.SALE, 1, 100)
        end_all(queue, Delivered())
        before, found = used(client), []
        for step in steps:
            step(queue)
            found.append((used(client) - before) / many)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--payload", type=int, default=1_000, help="bytes of each")
    chosen = parser.parse_args()
    many, size = chosen.jobs, chosen.payload

    def in_bulk(kind: Kind = Kind.SALE) -> Callable[[Queue], None]:
        return lambda queue: put(queue, kind, many, size)

    def told(what: str, found: float) -> None:
        print(f"{what:58} {found:8,.0f} bytes")

    print(f"{many:,} jobs of {size:,} bytes; per job:")
    pending, delivered = measured(many, in_bulk(), lambda queue: end_all(queue, Delivered()))
    told("pending", pending)
    told("delivered: its place in the history", delivered)
    _, delayed = measured(many, in_bulk(), lambda queue: end_all(queue, Retry(_HOUR_MS)))
    told("delayed, after one attempt", delayed)
    _, dead = measured(many, in_bulk(), lambda queue: end_all(queue, Dead()))
    told("dead, with a short answer", dead)
    _, product = measured(many, in_bulk(Kind.PRODUCT), lambda queue: end_all(queue, Delivered()))
    told("delivered product: history and digest", product)
    (single,) = measured(many, lambda queue: put(queue, Kind.SALE, many, size, each=1))
    told("the put id of a put of its own", single - pending)
    told("on Redis's disk, put and delivered", log_bytes(many, size))
    told("on a producer's disk, spooled", spool_bytes(min(many, 2_000), size))


def log_bytes(many: int, size: int) -> float:
    """Return what the append-only file grows by, per job that is put by itself and delivered."""
    with empty_queue(persist=True) as (client, queue, directory):
        client.config_set("auto-aof-rewrite-percentage", 0)
        put(queue, Kind.SALE, many, size, each=1)
        end_all(queue, Delivered())
        client.waitaof(1, 0, 10_000)
        files = (directory / "appendonlydir").iterdir()
        return sum(file.stat().st_size for file in files) / many


def spool_bytes(many: int, size: int) -> float:
    """Return what the spool's file grows by, per job."""
    with TemporaryDirectory(prefix="stored-") as directory:
        path = Path(directory, "spool.db")
        spool = Spool.of(load_settings(spool_path=path), SystemClock())
        for number in range(many):
            job = sale_job(payload(number, size))
            put_id = secrets.token_bytes(12)
            batch = PutBatch(put_id, Kind.SALE, "default", Lane.HIGH, (job,), latest_ms=number)
            spool.append(batch)
        spool.close()
        return sum(file.stat().st_size for file in Path(directory).glob("spool.db*")) / many


if __name__ == "__main__":
    main()
