"""How many requests a day's changes cost, when most of them are overtaken by the next."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import Arena, Shop, TrialError, arena
from tests.benchmarks.payloads import Lane, Load
from tests.benchmarks.results import Figure

from onport_queue.clock import SystemClock

_RATE = 10.0
_CONCURRENCY = 16
_STEPS = {"full": 60, "quick": 20, "smoke": 2}
_SALES_PER_STEP = 4
_PRODUCTS = {"full": 3_000, "quick": 1_000, "smoke": 100}
_PASSES = 3
_PAID_AFTER, _FULFILLED_AFTER = 1, 6
"""Steps after the sale."""
_DRAINS_WITHIN_S = 120.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Cell:
    """The day: sales and products, each changing three times."""

    rate: float


def _cells(_: Extent) -> Sequence[Cell]:
    return [Cell(_RATE)]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", "celery")


def _measure(trial: Trial[Cell]) -> Figures:
    changes = _changes(trial.extent)
    is_relay = trial.contender.name == "relay"
    with arena({}) as here:
        # One by one it is a request for each change whatever the rate: no need to wait for them.
        setup = here.setup(
            rate=_RATE if is_relay else 0.0, concurrency=_CONCURRENCY, lanes=is_relay
        )
        with (
            trial.contender.publishing(here, setup) as shop,
            trial.contender.working(here, setup),
        ):
            _live_through(shop, trial, step_s=1.0 if is_relay else 0.0)
            requests = _requests_until_quiet(here, trial.extent)
    return {
        "requests": requests,
        "of one by one": requests / changes,
        "minutes at R": requests / _RATE / 60,
    }


def _live_through(shop: Shop, trial: Trial[Cell], *, step_s: float) -> None:
    steps, products, seed = _STEPS[trial.extent], _PRODUCTS[trial.extent], trial.seed
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


def _requests_until_quiet(here: Arena, extent: Extent) -> int:
    wanted = _last_states(extent)
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


def _changes(extent: Extent) -> int:
    return 3 * _STEPS[extent] * _SALES_PER_STEP + _PASSES * _PRODUCTS[extent]


def _last_states(extent: Extent) -> int:
    return _STEPS[extent] * _SALES_PER_STEP + _PRODUCTS[extent]


def _seconds(extent: Extent, _: Cell) -> float:
    return 6 + (_STEPS[extent] + _FULFILLED_AFTER) / 2 + _changes(extent) / 1_000


BENCH = Bench(
    name="day-of-changes",
    question="How many requests a day costs in which every sale is created, paid and fulfilled "
    f"and every product changes {_PASSES} times; {_SALES_PER_STEP} sales come each step of the "
    f"day, a step is a second, R = {_RATE:g}. Whoever sends one by one needs a request for each "
    "change.",
    figures=(
        Figure(name="requests", unit="", meaning="accepted requests", better="less"),
        Figure(name="of one by one", unit="", meaning="requests / changes", better="less"),
        Figure(name="minutes at R", unit="min", meaning="that they take", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
)
