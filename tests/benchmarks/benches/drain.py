"""How fast everything pending goes out when nothing limits it."""

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
_WARM_UP_S = {"full": 2.0, "quick": 1.5, "smoke": 0.3}
_SECONDS = {"full": 10.0, "quick": 6.0, "smoke": 1.0}
_REQUESTS = {"full": 25_000, "quick": 12_000, "smoke": 2_500}
_PEERS = ("celery", "celery-prefork", "dramatiq", "arq", "taskiq")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is delivered: products singly, or by a peer without batches in ready-made ones."""

    payload: Literal["sales", "products", "products in ready-made batches"]


def _cells(extent: Extent) -> Sequence[Cell]:
    if extent != "full":
        return [Cell("sales")]
    return [Cell("sales"), Cell("products"), Cell("products in ready-made batches")]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", *_PEERS, "httpx-loop")


def _measure(trial: Trial[Cell]) -> Figures:
    load = _load(trial)
    is_relay_filling = trial.contender.name == "relay" and load.what == "product"
    requests = -(-load.jobs // BATCH) if is_relay_filling else load.jobs
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
    requests = _REQUESTS[trial.extent]
    if trial.cell.payload == "sales":
        return Load(what="sale", jobs=requests, lane="high", seed=trial.seed)
    if trial.contender.name == "relay":
        return Load(what="product", jobs=requests * BATCH // 4, seed=trial.seed)
    if trial.cell.payload == "products":
        return Load(what="product", jobs=requests, seed=trial.seed)
    return Load(what="product", jobs=requests // 4, items=BATCH, seed=trial.seed)


def _seconds(extent: Extent, _: Cell) -> float:
    publishing = _REQUESTS[extent] / 3_000
    return 4 + publishing + _WARM_UP_S[extent] + _SECONDS[extent]


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
