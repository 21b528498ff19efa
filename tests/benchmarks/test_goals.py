import pytest
from tests.benchmarks.goals import GOALS, Goal
from tests.benchmarks.results import Figure, Result, Row, Value
from tests.benchmarks.test_results import result


def goal(text: str) -> Goal:
    (found,) = (one for one in GOALS if one.text.startswith(text))
    return found


def of(bench: str, figure: str, *rows: tuple[str, dict[str, Value], float | None]) -> Result:
    made = result(bench=bench)
    kept = tuple(
        Row(contender=contender, cell=cell, values={figure: (value,)})
        for contender, cell, value in rows
    )
    figures = (Figure(name=figure, unit="", meaning="", better="more"),)
    return made.model_copy(update={"rows": kept, "figures": figures})


def test_of_all_cells_the_worst_counts() -> None:
    kept = of("efficiency", "use", ("relay", {"rate": 5}, 0.99), ("relay", {"rate": 20}, 0.97))

    assert goal("use").reached({"efficiency": kept}) == 0.97
    assert not goal("use").is_met(0.97)
    assert goal("use").is_met(0.98)


def test_the_best_peer_is_the_one_to_beat_and_a_floor_is_no_peer() -> None:
    cell: dict[str, Value] = {"payload": "sales"}
    rows = [("relay", 600.0), ("celery", 400.0), ("arq", 500.0), ("httpx-loop", 750.0)]
    kept = of("drain", "items/s", *((name, cell, value) for name, value in rows))

    assert goal("sales/s / those of the best peer").reached({"drain": kept}) == 1.2
    assert goal("sales/s / those of the bare").reached({"drain": kept}) == 0.8


def test_products_are_compared_in_their_own_cell() -> None:
    rows = [
        ("relay", {"payload": "products"}, 1000.0),
        ("celery", {"payload": "products"}, 10.0),
        ("relay", {"payload": "products in ready-made batches"}, 900.0),
        ("celery", {"payload": "products in ready-made batches"}, 300.0),
    ]
    kept: Result = of("drain", "items/s", *rows)  # type: ignore[arg-type] # cells of one kind

    assert goal("products/s / those of the best peer given").reached({"drain": kept}) == 3.0


@pytest.mark.parametrize(("rate", "p99", "reached"), [(10, 275.0, 1.0), (50, 57.5, 0.5)])
def test_a_wait_is_measured_by_rate_and_latency(rate: int, p99: float, reached: float) -> None:
    cell: dict[str, Value] = {"rate": rate, "who": "new sales behind products"}
    kept = of("order-under-load", "p99", ("relay", cell, p99))

    assert goal("a new sale").reached({"order-under-load": kept}) == reached


def test_what_is_not_kept_or_failed_is_not_reached() -> None:
    failed = of("efficiency", "use", ("relay", {"rate": 5}, 0.99), ("relay", {"rate": 20}, None))

    assert goal("use").reached({}) is None
    assert goal("use").reached({"efficiency": failed}) is None


def test_a_put_is_measured_in_the_cell_where_it_is_furthest_from_the_floor() -> None:
    cells: list[dict[str, Value]] = [{"callers": 1, "fsync": f} for f in ("always", "everysec")]
    many: dict[str, Value] = {"callers": 8, "fsync": "everysec"}
    puts = [("relay-put", cell, 0.3) for cell in (*cells, many)]
    floors = [("lpush", cells[0], 0.2), ("lpush", cells[1], 0.1), ("lpush", many, 0.01)]
    kept = of("enqueue", "p50", *puts, *floors)

    assert goal("a put alone").reached({"enqueue": kept}) == pytest.approx(3)
