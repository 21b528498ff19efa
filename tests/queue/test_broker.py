"""What a broker's errors mean."""

import pytest
import redis
from redis import exceptions

from onport_queue.broker import may_pass, reason, unreachable


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("Connection refused"),
        exceptions.TimeoutError("Timeout reading from socket"),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError(
            "Command # 1 (FCALL f00 ada@) of pipeline caused error: NOREPLICAS Not enough replicas"
        ),
        exceptions.MasterDownError("Link with MASTER is down"),
    ],
)
def test_a_broker_that_is_away_full_or_read_only_may_take_the_call_later(
    error: exceptions.RedisError,
) -> None:
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ResponseError("user_script:12: Script attempted to access nonexistent global"),
        exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind"),
        exceptions.ResponseError(
            "Command # 1 (FCALL f00 BUSY) of pipeline caused error: WRONGTYPE Operation against"
        ),
        exceptions.NoPermissionError("this user has no permissions to run the 'fcall' command"),
    ],
)
def test_a_call_that_is_wrong_stays_wrong(error: exceptions.RedisError) -> None:
    assert not may_pass(error)


QUOTING = [
    (
        exceptions.ResponseError("unknown command 'FCALL', with args beginning with: 'ada@'"),
        "unknown command 'FCALL'",
    ),
    (
        exceptions.ResponseError("Command # 1 (FCALL f00 ada@) of pipeline caused error: BUSY now"),
        "BUSY now",
    ),
    (exceptions.InvalidResponse("Protocol Error: b'ada@'"), "InvalidResponse"),
    (exceptions.ConnectionError("Error 111 connecting to h:1."), "Error 111 connecting to h:1."),
]


@pytest.mark.parametrize(("error", "told"), QUOTING)
def test_the_reason_of_an_error_quotes_no_call(error: exceptions.RedisError, told: str) -> None:
    assert reason(error) == told
    assert unreachable(redis.Redis(host="h", port=1), error) == f"broker h:1: {told}"
