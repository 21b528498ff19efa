"""How many requests a day's changes cost, when most of them are overtaken by the next."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.benches.drain import BATCH
from tests.benchmarks.contender import Arena, Shop, TrialError
from tests.benchmarks.payloads import Lane, Load
from tests.benchmarks.results import Figure

from onport_queue.clock import SystemClock

_RATE = 10.0
_CONCURRENCY = 16
_SALES_PER_STEP = 4
_PASSES = 3
_PAID_AFTER, _FULFILLED_AFTER = 1, 6
"""Steps after the sale."""
_DRAINS_WITHIN_S = 120.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Cell:
    """The day: how many sales and products, each of which changes three times."""

    sales: int
    products: int

    @property
    def steps(self) -> int:
        """How many steps the day has, until the last new sale."""
        return self.sales // _SALES_PER_STEP

    @property
    def changes(self) -> int:
        """All changes."""
        return 3 * self.sales + _PASSES * self.products


_CELLS = {"full": Cell(100, 1_250), "quick": Cell(80, 1_000), "smoke": Cell(8, 100)}


def _cells(extent: Extent) -> Sequence[Cell]:
    return [_CELLS[extent]]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", "celery")


def _at_once(cell: Cell) -> int:
    return len(_contenders(cell))


def _measure(trial: Trial[Cell]) -> Figures:
    is_relay = trial.contender.name == "relay"
    with trial.arena({}) as here:
        # One by one it is a request for each change whatever the rate: no need to wait for them.
        setup = here.setup(
            rate=_RATE if is_relay else 0.0, concurrency=_CONCURRENCY, lanes=is_relay
        )
        with (
            trial.contender.publishing(here, setup) as shop,
            trial.contender.working(here, setup),
        ):
            _live_through(shop, trial, step_s=1.0 if is_relay else 0.0)
            requests = _requests_until_quiet(here, trial.cell)
    return {
        "requests": requests,
        "of one by one": requests / trial.cell.changes,
        "time at R": requests / _RATE / 60,
    }


def _live_through(shop: Shop, trial: Trial[Cell], *, step_s: float) -> None:
    steps, products, seed = trial.cell.steps, trial.cell.products, trial.seed
    share = products * _PASSES // steps
    for step in range(steps + _FULFILLED_AFTER):
        for stage, after in enumerate((0, _PAID_AFTER, _FULFILLED_AFTER)):
            if 0 <= step - after < steps:
                first = (step - after) * _SALES_PER_STEP
                lane: Lane = "high" if stage == 0 else "low"
                shop.one(
                    Load(
                        what="sale",
                        jobs=_SALES_PER_STEP,
                        first=first,
                        stage=stage,
                        lane=lane,
                        seed=seed,
                    )
                )
        if step < steps:
            # The catalogue is gone through three times a day, a piece of it in each step.
            stage, first = divmod(step * share, products)
            shop.many(Load(what="product", jobs=share, first=first, stage=stage, seed=seed))
        _CLOCK.wait(threading.Event(), step_s)


def _requests_until_quiet(here: Arena, cell: Cell) -> int:
    wanted = cell.sales + cell.products
    patient_until = _CLOCK.monotonic_s() + _DRAINS_WITHIN_S
    last, quiet_since = -1, _CLOCK.monotonic_s()
    while True:
        now_s, stats = _CLOCK.monotonic_s(), here.sandbox.stats()
        if stats.applied_requests != last:
            last, quiet_since = stats.applied_requests, now_s
        elif now_s - quiet_since > 2 and stats.applied_items >= wanted:
            return last
        if now_s > patient_until:
            raise TrialError(
                f"{stats.applied_items} items of at least {wanted} had arrived after "
                f"{_DRAINS_WITHIN_S:g} s",
                here.log_tail(),
            )
        _CLOCK.wait(threading.Event(), 0.2)


def _limit(cell: Cell) -> Figures:
    # Everything is sent in its last state only: who waited until the evening could do it.
    requests = cell.sales - (-cell.products // BATCH)
    return {
        "requests": requests,
        "of one by one": requests / cell.changes,
        "time at R": requests / _RATE / 60,
    }


def _seconds(_: Extent, cell: Cell) -> float:
    return 7 + cell.steps + _FULFILLED_AFTER


BENCH = Bench(
    name="day-of-changes",
    question="How many requests a day costs in which every sale is created, paid and fulfilled "
    f"and every product changes {_PASSES} times; {_SALES_PER_STEP} sales come each step of the "
    f"day, a step is a second, R = {_RATE:g}. Whoever sends one by one needs a request for each "
    "change at any rate, and sends here as fast as it can; the limit sends the last states only. "
    "Both run at the same time.",
    figures=(
        Figure(name="requests", unit="", meaning="accepted requests", better="less"),
        Figure(name="of one by one", unit="", meaning="requests / changes", better="less"),
        Figure(name="time at R", unit="min", meaning="that they take", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    limit=_limit,
    at_once=_at_once,
)
