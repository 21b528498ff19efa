import pytest
from tests.worker.cli.conftest import stats

from onport_queue.ledger import Stats
from onport_queue.picture import UsedRate
from onport_queue.picture.text import figure


def sent(many: int, *, pending: int = 1_000, **facts: object) -> Stats:
    """A relay that has sent so many requests in all, with work left."""
    return stats(ledger={"requests": many}, pending=pending, **facts)


def looked(*looks: Stats, every_s: float = 1.0, kept: int = 240) -> UsedRate:
    used = UsedRate(kept)
    for place, look in enumerate(looks):
        used.note(look, 100.0 + place * every_s)
    return used


def test_each_look_adds_what_was_sent_since_the_one_before() -> None:
    used = looked(sent(100), sent(110), sent(110), sent(125), every_s=0.5)

    assert used.rates == (20.0, 0.0, 30.0)
    assert used.now == 30.0


def test_one_look_tells_no_rate() -> None:
    assert looked(sent(100)).now is None
    assert looked().rates == ()


def test_only_the_newest_are_kept() -> None:
    assert looked(sent(0), sent(1), sent(3), sent(6), kept=2).rates == (2.0, 3.0)


def test_a_broker_that_came_back_empty_counts_from_naught() -> None:
    assert looked(sent(5_000), sent(4)).rates == (4.0,)


def test_a_look_at_the_same_moment_tells_nothing() -> None:
    assert looked(sent(1), sent(2), every_s=0.0).rates == ()


def test_the_pace_is_what_was_reached_while_work_waited() -> None:
    assert looked(*(sent(many * 400) for many in range(6))).pace(1_000.0) == 400.0


@pytest.mark.parametrize(
    "looks",
    [
        [sent(many) for many in range(5)],
        [sent(many, pending=0) for many in range(9)],
        [*(sent(many) for many in range(6)), sent(7, pending=0)],
        [sent(1) for _ in range(9)],
    ],
    ids=["too few looks", "nothing waited", "nothing waits any more", "nothing was sent"],
)
def test_otherwise_it_is_the_rate_allowed(looks: list[Stats]) -> None:
    assert figure(looked(*looks).pace(10.0)) == "10"


def test_a_pause_is_no_pace() -> None:
    pause = {"scope": "lane:low", "cause": "operator", "reason": "", "left_ms": -1, "since_ms": 0}

    assert looked(*(sent(many, pauses=(pause,)) for many in range(9))).pace(10.0) == 10.0
