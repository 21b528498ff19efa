from datetime import timedelta

import pytest
from tests.producers.gateway.page.conftest import TOKEN, MovedClock

from onport_producers.gateway.page.session import LASTS, Sessions


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def sessions(clock: MovedClock) -> Sessions:
    return Sessions(TOKEN, clock)


def test_only_the_token_opens(sessions: Sessions) -> None:
    assert sessions.opens(TOKEN.encode())
    assert not sessions.opens(TOKEN[:-1].encode())
    assert not sessions.opens(b"")
    assert not sessions.opens("ü\udcff".encode("utf-8", "surrogatepass"))


def test_a_session_lasts_for_its_term_and_no_longer(sessions: Sessions, clock: MovedClock) -> None:
    cookie = sessions.cookie()

    clock.passed = LASTS - timedelta(seconds=1)
    assert sessions.is_open(cookie)
    clock.passed = LASTS
    assert not sessions.is_open(cookie)


def test_a_session_is_known_to_every_process_with_the_token_and_to_no_other(
    sessions: Sessions, clock: MovedClock
) -> None:
    assert Sessions(TOKEN, clock).is_open(sessions.cookie())
    assert not Sessions("another-token-of-the-page", clock).is_open(sessions.cookie())


def test_a_cookie_that_was_changed_opens_nothing(sessions: Sessions) -> None:
    ends, _, signature = sessions.cookie().partition(".")
    forged = [
        f"{int(ends) + 1}.{signature}",
        f"{ends}.{'0' * 64}",
        f"{ends}.",
        f".{signature}",
        "not.one",
        "ü.ü",
        "9" * 10_000,
        "",
        None,
    ]

    assert not any(map(sessions.is_open, forged))
    assert TOKEN not in sessions.cookie()
