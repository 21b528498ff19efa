"""Channels and accounts, as the settings name them."""

import json
from pathlib import Path
from typing import Any

import pytest

from onport_queue.errors import SettingsError
from onport_queue.settings import Settings, load_settings

TOML = """
account = "main"
rate = 10.0

[channels.uk]
[channels.us]
account = "us"

[accounts.us]
rate = 2.0
low_lane_share = 0.2
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "relay.toml").write_text(TOML)
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH", "hash of the default")
    monkeypatch.setenv("ONPORT_RELAY_CHANNELS__UK__WEBHOOK_HASH", "hash of the uk")
    monkeypatch.setenv("ONPORT_RELAY_CHANNELS__US__WEBHOOK_HASH", "hash of the us")
    monkeypatch.setenv("ONPORT_RELAY_CHANNELS__US__WEBHOOK_HASH_NEXT", "next hash of the us")
    return load_settings(tmp_path / "relay.toml")


def hashes(settings: Settings, channel: str) -> list[str]:
    return [secret.get_secret_value() for secret in settings.hashes_of(channel)]


def test_each_channel_has_an_account_the_relays_own_by_default(settings: Settings) -> None:
    accounts = {channel: settings.account_of(channel) for channel in settings.channel_names}
    assert accounts == {"default": "main", "uk": "main", "us": "us"}
    assert settings.account_names == ("main", "us")


def test_the_hashes_come_from_the_environment_beside_the_file(settings: Settings) -> None:
    assert hashes(settings, "default") == ["hash of the default"]
    assert hashes(settings, "uk") == ["hash of the uk"]
    assert hashes(settings, "us") == ["hash of the us", "next hash of the us"]


def test_an_account_has_its_channels_and_what_is_its_own(settings: Settings) -> None:
    us = settings.for_account("us")
    assert (us.account, us.rate, us.low_lane_share, us.batch_items) == ("us", 2.0, 0.2, 50)
    assert hashes(us, "us") == ["hash of the us", "next hash of the us"]
    assert hashes(us, "default") == []
    assert us.channel_names == ("default", "us")
    main = settings.for_account("main")
    assert (main.account, main.rate) == ("main", 10.0)
    assert main.channel_names == ("default", "uk")
    assert hashes(main, "default") == ["hash of the default"]


def test_no_hash_is_shown(settings: Settings) -> None:
    assert "hash of" not in f"{settings!r} {settings.model_dump_json()}"


def test_what_is_not_named_is_an_error_that_says_what_is(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"'fr' is not in the settings; .* default, uk, us"):
        settings.account_of("fr")
    with pytest.raises(SettingsError, match=r"'fr' is not in the settings; .* main, us"):
        settings.for_account("fr")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"channels": {"UK": {}}}, "channels 'UK' is no name"),
        ({"channels": {"default": {}}}, "channels.default: it has account and webhook_hash at the"),
        ({"channels": {"uk": {"account": "a b"}}}, "channels.uk.account 'a b' is no name"),
        ({"channels": {"uk": {"hash": "secret"}}}, "channels.uk.hash: no such setting"),
        ({"accounts": {"uk": {"rate": 1}}}, "accounts.uk: no channel is in it; expected one of"),
        ({"accounts": {"default": {"rate": 0}}}, "accounts.default.rate: "),
        (
            {"accounts": {"default": {"base_url": "http://example.com"}}},
            "accounts.default.base_url: example.com without TLS",
        ),
        ({"base_url": "https://shop:secret@example.com"}, "base_url: expected no user or password"),
        ({"base_url": "https://example.com/in?key=secret"}, "base_url: expected no user"),
    ],
)
def test_faults_are_told_without_their_values(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**given)
    assert fault in str(refused.value)
    assert "secret" not in str(refused.value)


def test_channels_in_one_variable_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = {"uk-shop": {"webhook_hash": "hash of the uk"}}
    monkeypatch.setenv("ONPORT_RELAY_CHANNELS", json.dumps(channels))
    assert hashes(load_settings(), "uk-shop") == ["hash of the uk"]
