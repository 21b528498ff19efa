"""What was told is written down once, whoever writes; in Redis and in memory alike."""

import pytest
import redis

from onport_queue.told import MemoryToldBook, RedisToldBook, State, Told, ToldBook

FIRST = Told(alert="a", state=State.FIRING, since_ms=1, at_ms=2, subject={"channel": "uk", "n": 3})
SECOND = FIRST.model_copy(update={"state": State.REPEATED, "at_ms": 3, "sent": True})


@pytest.fixture(params=["redis", "memory"])
def book(request: pytest.FixtureRequest, redis_client: redis.Redis) -> ToldBook:
    return RedisToldBook(redis_client) if request.param == "redis" else MemoryToldBook()


def test_what_is_written_down_is_read(book: ToldBook) -> None:
    assert book.read() == {}
    assert book.replace("one", FIRST)
    assert book.replace("two", FIRST)
    assert book.read() == {"one": FIRST, "two": FIRST}
    assert book.replace("one", SECOND)
    assert book.replace("two", None)
    assert book.read() == {"one": SECOND}


def test_what_is_not_there_can_be_forgotten(book: ToldBook) -> None:
    assert book.replace("one", None)
    assert book.read() == {}


def test_of_several_who_have_read_the_same_one_writes(redis_client: redis.Redis) -> None:
    books = [RedisToldBook(redis_client) for _ in range(3)]
    for written in (FIRST, SECOND, None):
        for book in books:
            book.read()
        assert [book.replace("one", written) for book in books] == [True, False, False]


def test_accounts_are_apart(redis_client: redis.Redis) -> None:
    RedisToldBook(redis_client, "us").replace("one", FIRST)
    assert RedisToldBook(redis_client).read() == {}


def test_what_a_newer_release_has_written_is_kept_as_far_as_it_is_understood(
    redis_client: redis.Redis,
) -> None:
    newer = SECOND.model_dump_json().replace('{"alert"', '{"colour":"red","alert"')
    redis_client.hset("onport-relay:{default}:alerts", "one", newer)
    book = RedisToldBook(redis_client)
    assert book.read() == {"one": SECOND}
    assert book.replace("one", FIRST)
