"""What the page is looked at in: a quiet relay, a full one, long names, an outage."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.browser.clerk import FAILED, Clerk
from tests.worker.cli.conftest import put

from onport_queue.flight import Answer, Dead, Delivered, Empty, Gate, Granted, Settlement, Verdict
from onport_queue.names import Kind, Lane
from onport_queue.settings import ChannelSettings, Settings
from onport_queue.store import Queue

LONG_CHANNEL = "the-channel-with-a-name-that-is-as-long-as-a-name-is-let-be-63"
LONG_ACCOUNT = "the-account-with-a-name-that-is-as-long-as-a-name-is-let-be-63"
LONG_KEY = "Sonderbestellung/" + "0123456789" * 20
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"

Situation = Callable[[Queue, Settings], AbstractContextManager[object]]


def with_long_names(settings: Settings) -> Settings:
    """Return settings with channels and accounts whose names are as long as they may be."""
    channels = {
        LONG_CHANNEL: ChannelSettings(),
        LONG_ACCOUNT: ChannelSettings(account=LONG_ACCOUNT),
        "uk": ChannelSettings(account="uk"),
    }
    return settings.model_copy(update={"channels": channels})


@contextmanager
def nothing_pending(queue: Queue, settings: Settings) -> Iterator[None]:
    """A relay that has delivered all it was given, a product of which was refused."""
    put(queue, *map(str, range(1, 41)))
    put(queue, *map(str, range(400)), kind=Kind.PRODUCT, lane=Lane.LOW)
    finish(queue, settings, Delivered())
    with Clerk(queue, settings):
        yield


@contextmanager
def much_pending(queue: Queue, settings: Settings) -> Iterator[None]:
    """A catalogue of 100,000 is loaded while shoppers buy; two jobs were given up."""
    put(queue, "SHIRT-XXL", kind=Kind.PRODUCT, lane=Lane.LOW)
    finish(queue, settings, Dead(), "422", '{"errors":{"price":["must be at least 0"]}}')
    put(queue, "10017")
    finish(queue, settings, Dead(), "400", '{"errors":["unknown variant 7731"]}')
    for first in range(0, 100_000, 500):
        keys = (f"P{number}" for number in range(first, first + 500))
        put(queue, *keys, kind=Kind.PRODUCT, lane=Lane.LOW)
    put(queue, *map(str, range(20_000, 20_180)), lane=Lane.LOW)
    put(queue, *map(str, range(30_000, 30_024)))
    with Clerk(queue, settings):
        yield


@contextmanager
def long_names(queue: Queue, settings: Settings) -> Iterator[None]:
    """Whatever has a name has a long one, and what others say is hostile."""
    put(queue, LONG_KEY, channel=LONG_CHANNEL)
    put(queue, HOSTILE, kind=Kind.PRODUCT, lane=Lane.LOW)
    finish(queue, settings, Dead(), "422", HOSTILE + " and so on" * 150)
    put(queue, *map(str, range(1, 30)), channel=LONG_CHANNEL)
    put(queue, *map(str, range(490)), kind=Kind.PRODUCT, lane=Lane.LOW, channel=LONG_CHANNEL)
    queue.pause(f"endpoint:{LONG_CHANNEL}:product", None, f"{HOSTILE} {'because' * 20}")
    with Clerk(queue, settings):
        yield


@contextmanager
def an_outage(queue: Queue, settings: Settings) -> Iterator[None]:
    """The endpoint fails, and its breaker is open; the low lane is paused besides."""
    put(queue, *map(str, range(1, 31)))
    put(queue, *map(str, range(500)), kind=Kind.PRODUCT, lane=Lane.LOW)
    queue.pause("lane:low", 5_400, "the supplier corrects prices")
    with Clerk(queue, settings, FAILED):
        yield


SITUATIONS: dict[str, Situation] = {
    "nothing-pending": nothing_pending,
    "100000-pending": much_pending,
    "long-names": long_names,
    "outage": an_outage,
}


def finish(
    queue: Queue, settings: Settings, verdict: Verdict, status: str = "200", text: str = ""
) -> None:
    """End all that is pending in one way."""
    prints = dict.fromkeys(settings.channel_names, ("",))
    gate = Gate(settings.rate, batch_items=50, burst=10_000, prints=prints)
    answer = Answer.ACCEPTED if isinstance(verdict, Delivered) else Answer.NONE
    while not isinstance(claim := queue.claim(Lane.LOW, gate, secrets.token_hex(8)), Empty):
        assert isinstance(claim, Granted), claim
        verdicts = [verdict] * len(claim.items)
        queue.settle(claim.lease, Settlement(verdicts, answer, status=status, text=text))
