import pytest

from onport_queue.names import Lane
from onport_queue.scopes import spoken_scope
from onport_worker.cli.exits import UsageError
from onport_worker.cli.scopes import scope_of


@pytest.mark.parametrize(
    ("lane", "channel", "scope"),
    [(None, None, "account"), (Lane.LOW, None, "lane:low"), (None, "uk", "channel:uk")],
)
def test_the_options_name_a_scope(lane: Lane | None, channel: str | None, scope: str) -> None:
    assert scope_of(lane, channel) == scope


def test_a_lane_and_a_channel_together_are_no_scope() -> None:
    with pytest.raises(UsageError, match="--lane low and --channel uk: expected one of them"):
        scope_of(Lane.LOW, "uk")


def test_a_channel_that_is_no_name_is_refused() -> None:
    with pytest.raises(UsageError, match="--channel 'uk:x' is no name"):
        scope_of(None, "uk:x")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("account", "the whole account"),
        ("lane:high", "the high lane"),
        ("channel:uk", "channel uk"),
        ("endpoint:uk:product", "product requests of channel uk"),
        ("something:new", "something:new"),
    ],
)
def test_a_scope_is_told_in_words(scope: str, words: str) -> None:
    assert spoken_scope(scope) == words
