import pytest

from onport_queue.names import (
    CELERY_KEY_PREFIX,
    DEFAULT_ACCOUNT,
    DEFAULT_CHANNEL,
    DRAIN_TASK,
    SCHEDULE_TASK,
    SCHEDULES_QUEUE,
    Kind,
    Lane,
    checked_name,
    job_key,
)


def test_names_that_others_rely_on_are_these() -> None:
    assert [lane.value for lane in Lane] == ["high", "low"]
    assert [kind.value for kind in Kind] == ["sale", "product", "acknowledge", "disconnect"]
    assert (DRAIN_TASK, CELERY_KEY_PREFIX) == ("onport_relay.drain", "onport-relay:celery:")
    assert (SCHEDULE_TASK, SCHEDULES_QUEUE) == ("onport_relay.run_schedule", "schedules")
    assert (DEFAULT_ACCOUNT, DEFAULT_CHANNEL) == ("default", "default")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (Kind.SALE, "sale:shop:10:1"),
        (Kind.PRODUCT, "product:shop:10:1"),
        (Kind.ACKNOWLEDGE, "variant:shop:10:1"),
        (Kind.DISCONNECT, "variant:shop:10:1"),
    ],
)
def test_both_wishes_about_a_variant_share_its_key(kind: Kind, key: str) -> None:
    assert job_key(kind, "shop", "10:1") == key


@pytest.mark.parametrize("name", ["a", "0", "shop-1_b", "a" * 63])
def test_a_name_may_be(name: str) -> None:
    assert checked_name("channel", name) == name


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "a:b", "a b", "a\n", "{a}", "é", "a" * 64])
def test_a_name_may_not_be(name: str) -> None:
    with pytest.raises(ValueError, match=r"channel .* is no name: expected up to 63"):
        checked_name("channel", name)
