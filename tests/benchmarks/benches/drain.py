"""How fast everything pending goes out when nothing limits it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import arena
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import delivered

BATCH = 50
_CONCURRENCY = 16
_WARM_UP_S = {"full": 1.0, "quick": 1.5, "smoke": 0.3}
_SECONDS = {"full": 2.5, "quick": 6.0, "smoke": 1.0}
_MOST_PER_S = 1_250
"""Requests/s of whoever has a queue; a machine that does more has them done sooner."""
_MOST_BATCHES_PER_S = 500
_MOST_FILLED_PER_S = 1_000
"""Of the relay, which has products and fills batches itself."""
_BODIES_OF_LOOP = 200
"""The bare loop sends them again and again."""
_PEERS = ("celery", "dramatiq", "arq", "taskiq")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is delivered: products singly, or by a peer without batches in ready-made ones."""

    payload: Literal["sales", "products", "products in ready-made batches"]


def _cells(extent: Extent) -> Sequence[Cell]:
    if extent != "full":
        return [Cell("sales")]
    return [Cell("sales"), Cell("products"), Cell("products in ready-made batches")]


def _contenders(cell: Cell) -> Sequence[str]:
    if cell.payload == "sales":
        return ("relay", *_PEERS, "celery-prefork", "httpx-loop")
    if cell.payload == "products":  # a peer sends one like a sale, and so does the loop
        return ("relay", *_PEERS)
    return ("relay", *_PEERS, "httpx-loop")


def _measure(trial: Trial[Cell]) -> Figures:
    load = _load(trial)
    requests = load.jobs
    if trial.contender.name == "httpx-loop":
        requests = sys.maxsize
    elif trial.contender.name == "relay" and load.what == "product":
        requests = -(-load.jobs // BATCH)
    with arena({}) as here:
        seen = delivered(
            trial.contender,
            here,
            here.setup(concurrency=_CONCURRENCY),
            load,
            requests=requests,
            warm_up_s=_WARM_UP_S[trial.extent],
            seconds=_SECONDS[trial.extent],
        )
    return {
        "requests/s": seen.accepted / seen.period.seconds,
        "items/s": seen.items / seen.period.seconds,
        "worker CPU": seen.worker_cpu_s * 1000 / seen.accepted,
        "broker CPU": seen.broker_cpu_s * 1000 / seen.accepted,
    }


def _load(trial: Trial[Cell]) -> Load:
    name, payload, seed = trial.contender.name, trial.cell.payload, trial.seed
    lasts_s = _WARM_UP_S[trial.extent] + _SECONDS[trial.extent]
    requests, batches = round(_MOST_PER_S * lasts_s), round(_MOST_BATCHES_PER_S * lasts_s)
    if name == "httpx-loop":
        requests = batches = _BODIES_OF_LOOP
    if payload == "sales":
        return Load(what="sale", jobs=requests, lane="high", seed=seed)
    if name == "relay":
        products = round(_MOST_FILLED_PER_S * lasts_s) * BATCH
        return Load(what="product", jobs=products, seed=seed)
    if payload == "products":
        return Load(what="product", jobs=requests, seed=seed)
    return Load(what="product", jobs=batches, items=BATCH, seed=seed)


def _seconds(extent: Extent, cell: Cell) -> float:
    lasts_s = _WARM_UP_S[extent] + _SECONDS[extent]
    publishing_s = lasts_s * (0.3 if cell.payload == "sales" else 0.5)
    return 1.0 + publishing_s + lasts_s


BENCH = Bench(
    name="drain",
    question="How fast goes out what is pending when no rate limits it, sales one by one and "
    f"products in bulk, of 1 KB each; one worker process, {_CONCURRENCY} requests in flight.",
    figures=(
        Figure(name="items/s", unit="", meaning="sales or products accepted", better="more"),
        Figure(name="requests/s", unit="", meaning="requests that carried them", better="more"),
        Figure(
            name="worker CPU", unit="ms", meaning="of the workers, for a request", better="less"
        ),
        Figure(name="broker CPU", unit="ms", meaning="of Valkey, for a request", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
)
