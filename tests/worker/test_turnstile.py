from contextlib import closing

import pytest

from onport_queue.clock import SystemClock
from onport_worker.turnstile import Turn, Turnstile

NOW = 0.0


def test_while_nobody_waits_everybody_may_ask() -> None:
    turnstile = Turnstile(SystemClock())
    with closing(Turn(turnstile)) as one, closing(Turn(turnstile)) as other:
        assert one.may_ask(NOW)
        assert other.may_ask(NOW)


def test_one_waits_and_the_others_stand_by_until_it_has_gone() -> None:
    turnstile = Turnstile(SystemClock())
    with closing(Turn(turnstile)) as other:
        with closing(Turn(turnstile)) as first:
            assert first.may_wait()
            assert not other.may_wait()
            assert not other.may_ask(NOW)
            assert first.may_ask(NOW)
            assert first.may_wait()
        assert other.may_ask(NOW)


def test_who_stood_by_asks_before_it_waits_and_is_then_the_one() -> None:
    turnstile = Turnstile(SystemClock())
    with closing(Turn(turnstile)) as late:
        assert turnstile.gate.acquire(blocking=False)
        assert not late.may_ask(NOW)
        turnstile.gate.release()
        assert late.may_ask(NOW)
        assert late.may_wait()
        with closing(Turn(turnstile)) as other:
            assert not other.may_ask(NOW)


def test_a_turn_that_ends_by_an_error_leaves_the_gate() -> None:
    turnstile = Turnstile(SystemClock())

    def fail() -> None:
        with closing(Turn(turnstile)) as turn:
            assert turn.may_wait()
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert not turnstile.gate.locked()
