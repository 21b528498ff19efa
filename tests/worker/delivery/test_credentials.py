from pydantic import SecretStr

from onport_queue.settings import ChannelSettings, Settings
from onport_worker.delivery.credentials import Credentials

OLD, NEW = "the-old-hash", "the-new-hash"


SETTINGS = Settings(webhook_hash=OLD)


def prints(settings: Settings = SETTINGS, salt: bytes = b"salt") -> tuple[str, ...]:
    return tuple(Credentials(settings, salt).prints["default"])


def test_each_hash_has_a_fingerprint_the_current_one_first() -> None:
    credentials = Credentials(Settings(webhook_hash=OLD, webhook_hash_next=NEW), b"salt")
    assert [credentials.hash_of(one) for one in credentials.prints["default"]] == [OLD, NEW]


def test_a_fingerprint_is_short_and_shows_nothing_of_the_hash() -> None:
    (fingerprint,) = prints()
    assert len(fingerprint) == 16
    assert OLD not in fingerprint


def test_the_same_hash_has_the_same_fingerprint_in_every_worker() -> None:
    assert prints() == prints()


def test_another_hash_address_or_salt_makes_another_fingerprint() -> None:
    different = {
        prints(),
        prints(Settings(webhook_hash=NEW)),
        prints(Settings(webhook_hash=OLD, base_url="https://example.com/webhooks")),
        prints(SETTINGS, b"another"),
    }
    assert len(different) == 4


def test_one_hash_given_twice_is_one() -> None:
    assert len(prints(Settings(webhook_hash=OLD, webhook_hash_next=OLD))) == 1


def test_each_channel_has_its_own_and_one_without_a_hash_is_left_out() -> None:
    channels = {"uk": ChannelSettings(webhook_hash=SecretStr(NEW)), "us": ChannelSettings()}
    credentials = Credentials(Settings(webhook_hash=OLD, channels=channels), b"salt")
    of_channels = {
        channel: [credentials.hash_of(one) for one in its]
        for channel, its in credentials.prints.items()
    }
    assert of_channels == {"default": [OLD], "uk": [NEW]}
    assert {OLD, NEW} <= set(credentials.disguises)
