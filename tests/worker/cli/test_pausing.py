import pytest
from tests.worker.cli.conftest import FAST, Run, put

from onport_queue.flight import Answer, Granted, Paused, Released, Settlement
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue


def answer(queue: Queue, answer: Answer, status: str) -> None:
    """Let one sale be answered so."""
    put(queue, "1")
    claim = queue.claim(Lane.HIGH, FAST, "lease")
    assert isinstance(claim, Granted)
    queue.settle("lease", Settlement([Released()], answer, status=status, retry_after_ms=60_000))


def scopes(queue: Queue) -> list[str]:
    return [pause.scope for pause in queue.stats().pauses]


def test_without_options_the_whole_account_is_paused_until_resumed(run: Run, queue: Queue) -> None:
    put(queue, "1")

    result = run("pause")

    assert (result.exit_code, result.stdout) == (0, "Paused: the whole account, until resumed.\n")
    assert queue.claim(Lane.LOW, FAST, "lease") == Paused(None)


def test_a_pause_may_end_by_itself(run: Run, queue: Queue) -> None:
    result = run("pause", "--for", "10m")

    (pause,) = queue.stats().pauses
    assert 590_000 < pause.left_ms <= 600_000
    assert result.stdout.startswith("Paused: the whole account, until ")
    assert result.stdout.endswith(", for 10 min 0 s.\n")


def test_a_lane_is_paused_alone(run: Run, queue: Queue) -> None:
    put(queue, "1")
    put(queue, "2", kind=Kind.PRODUCT, lane=Lane.LOW)

    result = run("pause", "--lane", "high")

    assert result.stdout == "Paused: the high lane, until resumed.\n"
    claim = queue.claim(Lane.LOW, FAST, "lease")
    assert isinstance(claim, Granted)
    assert claim.lane is Lane.LOW


def test_a_channel_is_paused_alone(run: Run, queue: Queue) -> None:
    put(queue, "1", channel="uk")
    put(queue, "2", channel="us")

    result = run("pause", "--channel", "uk")

    assert result.stdout == "Paused: channel uk, until resumed.\n"
    claim = queue.claim(Lane.LOW, FAST, "lease")
    assert isinstance(claim, Granted)
    assert claim.channel == "us"


def test_status_shows_the_reason(run: Run, queue: Queue) -> None:
    put(queue, "1")

    run("pause", "--reason", "stocktaking \x1b[2J")

    printed = run("status").stdout
    assert "Paused     the whole account, stocktaking " in printed
    assert "1 pending behind it" in printed
    assert "\x1b" not in printed


def test_a_reason_that_is_not_utf_8_is_taken_as_well_as_it_can_be(run: Run, queue: Queue) -> None:
    result = run("pause", "--reason", "caf\udce9")

    assert result.exit_code == 0
    assert queue.stats().pauses[0].reason == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lane", "low", "--channel", "uk"], "--lane low and --channel uk: expected one of them"),
        (["--channel", "Über uns"], "--channel 'Über uns' is no name"),
        (["--for", "soon"], "--for 'soon': expected a whole number and s, m, h or d"),
    ],
)
def test_what_can_not_be_paused_is_refused(
    run: Run, queue: Queue, arguments: list[str], message: str
) -> None:
    result = run("pause", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"onport-relay: {message}")
    assert scopes(queue) == []


def test_without_options_everything_is_resumed(run: Run, queue: Queue) -> None:
    for scope in ("account", "lane:low", "channel:uk"):
        queue.pause(scope, None, "")

    result = run("resume")

    assert (result.exit_code, result.stdout) == (0, "Resumed: 3 pauses ended.\n")
    assert scopes(queue) == []


@pytest.mark.parametrize(
    ("given", "status", "scope"),
    [
        (Answer.THROTTLED, "429", "account"),
        (Answer.DENIED, "401", "channel:default"),
        (Answer.MISDIRECTED, "404", "endpoint:default:sale"),
    ],
)
def test_what_the_relay_paused_by_itself_is_resumed_too(
    run: Run, queue: Queue, given: Answer, status: str, scope: str
) -> None:
    answer(queue, given, status)
    assert scopes(queue) == [scope]

    assert run("resume").stdout == "Resumed: 1 pause ended.\n"
    assert scopes(queue) == []


def test_a_channel_is_resumed_with_each_of_its_kinds(run: Run, queue: Queue) -> None:
    for scope in ("channel:uk", "endpoint:uk:sale", "endpoint:uk:product", "endpoint:us:sale"):
        queue.pause(scope, None, "")

    result = run("resume", "--channel", "uk")

    assert scopes(queue) == ["endpoint:us:sale"]
    assert result.stdout == (
        "Resumed: 3 pauses ended.\nStill paused: sale requests of channel us.\n"
    )


def test_a_lane_is_resumed_alone(run: Run, queue: Queue) -> None:
    queue.pause("lane:high", None, "")
    queue.pause("lane:low", None, "")

    run("resume", "--lane", "high")

    assert scopes(queue) == ["lane:low"]


def test_where_nothing_is_paused_none_is_ended(run: Run) -> None:
    result = run("resume")

    assert (result.exit_code, result.stdout) == (0, "Resumed: 0 pauses ended.\n")


def test_a_lane_and_a_channel_are_not_resumed_together(run: Run) -> None:
    result = run("resume", "--lane", "low", "--channel", "uk")

    assert result.exit_code == 2
    assert "--lane low and --channel uk" in result.stderr
