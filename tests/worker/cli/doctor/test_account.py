import redis
from tests.worker.cli.conftest import bury, pass_hours, put
from tests.worker.cli.doctor.conftest import Diagnose, looked

from onport_queue.clock import SystemClock
from onport_queue.flight import Answer, Gate, Granted, Released, Retry, Settlement
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_queue.told import RedisToldBook, State, Told
from onport_worker.cli.doctor.finding import Ailment
from onport_worker.delivery.credentials import Credentials

URL = "http://127.0.0.1:1"


def denied(queue: Queue, secret: str) -> None:
    """A sale is answered 401 with this hash."""
    put(queue, "1")
    settings = Settings(webhook_hash=secret, base_url=URL)
    gate = Gate(rate=10, prints=Credentials(settings, queue.salt()).prints)
    assert isinstance(queue.claim(Lane.HIGH, gate, "lease"), Granted)
    queue.settle("lease", Settlement([Released()], Answer.DENIED, status="401"))


def test_an_imbalance_is_a_fault(diagnose: Diagnose, redis_client: redis.Redis) -> None:
    redis_client.hset("onport-relay:{default}:ledger", "accepted", 3)

    assert "off by 3" in diagnose().told(Ailment.IMBALANCE)["text"]


def test_a_broker_that_came_back_empty_is_a_fault_until_that_is_accepted(
    diagnose: Diagnose, queue: Queue
) -> None:
    queue.epoch("another")

    assert "accept-loss" in diagnose().told(Ailment.BROKER_EMPTIED)["advice"]
    queue.accept_loss()
    assert Ailment.BROKER_EMPTIED not in diagnose().ailments


def test_dead_letters_are_a_fault(diagnose: Diagnose, queue: Queue) -> None:
    bury(queue, "1", "2")

    told = diagnose().told(Ailment.DEAD_LETTERS)

    assert told["text"].startswith("2 jobs are dead")
    assert told["advice"].startswith("onport-relay dead list ")


def test_a_new_sale_that_waits_for_long_is_a_fault(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    put(queue, "1")
    assert Ailment.SALES_LATE not in diagnose().ailments
    pass_hours(redis_client, 45 / 3600)

    assert "has waited for 45 s" in diagnose().told(Ailment.SALES_LATE)["text"]


def test_an_outage_is_a_fault(diagnose: Diagnose, queue: Queue) -> None:
    put(queue, *"12345")
    for number in range(5):
        lease = f"lease{number}"
        assert isinstance(queue.claim(Lane.HIGH, Gate(rate=1e6), lease), Granted)
        queue.settle(lease, Settlement([Retry(1_000)], Answer.FAILED))

    told = diagnose().told(Ailment.OUTAGE)

    assert "the endpoint has failed for" in told["text"]
    assert told["advice"].endswith("restart the workers, then: onport-relay resume")


def test_a_refused_hash_is_told_to_be_the_one_that_this_command_has(
    diagnose: Diagnose, queue: Queue
) -> None:
    denied(queue, "wrong")

    told = diagnose(WEBHOOK_HASH="wrong", BASE_URL=URL).told(Ailment.REFUSED)

    assert told["text"].startswith("channel default, answered 401, for ")
    assert "that this command has as well" in told["text"]
    assert "correct the hash" in told["advice"]
    assert "wrong" not in str(told)


def test_a_hash_that_was_not_refused_is_to_be_given_to_the_workers(
    diagnose: Diagnose, queue: Queue
) -> None:
    denied(queue, "wrong")

    told = diagnose(WEBHOOK_HASH="right", BASE_URL=URL).told(Ailment.REFUSED)

    assert "was not refused" in told["text"]
    assert told["advice"].startswith("give the workers the settings of this command")


def test_without_a_hash_a_refusal_is_told_all_the_same(diagnose: Diagnose, queue: Queue) -> None:
    denied(queue, "wrong")

    assert diagnose().told(Ailment.REFUSED)["text"].endswith("1 pending behind it")


def test_a_long_pause_by_an_operator_is_a_warning_with_the_command_that_ends_it(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    queue.pause("lane:low", None, "stocktaking")
    assert Ailment.PAUSE_FORGOTTEN not in diagnose().ailments
    pass_hours(redis_client, 2)

    told = diagnose().told(Ailment.PAUSE_FORGOTTEN)

    assert told["level"] == "warning"
    assert told["advice"] == "if that is over: onport-relay resume --lane low"


def test_another_account_is_named_in_what_is_found_and_in_what_to_do(
    diagnose: Diagnose, redis_client: redis.Redis
) -> None:
    uk = Queue(redis_client, "uk")
    looked(uk)
    uk.pause("account", None, "")
    redis_client.hincrbyfloat("onport-relay:{uk}:meta", "now", 7_200_000)

    told = diagnose(CHANNELS='{"uk": {"account": "uk"}}').told(Ailment.PAUSE_FORGOTTEN)

    assert told["text"].startswith("account uk: the whole account was paused")
    assert told["advice"].endswith("onport-relay --account uk resume")


def test_a_queue_that_a_newer_release_wrote_is_a_fault(
    diagnose: Diagnose, redis_client: redis.Redis
) -> None:
    redis_client.hset("onport-relay:{default}:meta", "format", 99)

    told = diagnose().told(Ailment.FORMAT_NEWER)

    assert told["level"] == "fault"
    assert "format 99" in told["text"]


def test_an_alert_that_the_webhook_did_not_take_is_a_fault_where_a_webhook_is_set(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    looked(queue)
    told = Told(alert="outage", state=State.FIRING, since_ms=0, at_ms=0)
    RedisToldBook(redis_client).replace("outage", told)
    webhook = {"ALERTS__WEBHOOK_URL": "https://hooks.example/secret"}
    assert Ailment.ALERT_UNTOLD not in diagnose(**webhook).ailments
    book = RedisToldBook(redis_client)
    book.read()
    now_ms = round(SystemClock().wall().timestamp() * 1000)
    problem = {"problem": "webhook: ConnectError", "at_ms": now_ms - 120_000}
    book.replace("outage", told.model_copy(update=problem))

    found = diagnose(**webhook).told(Ailment.ALERT_UNTOLD)

    assert found["level"] == "fault"
    assert found["text"] == "an alert could not be told 2 min 0 s ago: webhook: ConnectError"
    assert "alerts --test" in found["advice"]
    assert "secret" not in str(found)
    assert Ailment.ALERT_UNTOLD not in diagnose().ailments
