"""Secrets that an orchestrator mounts as files."""

from pathlib import Path

import pytest

from onport_queue.errors import SettingsError
from onport_queue.settings import load_settings


def given(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, content: bytes = b"a secret\n"
) -> Path:
    """Put a file where a setting's variable says."""
    file = folder / name.lower()
    file.write_bytes(content)
    monkeypatch.setenv(f"ONPORT_RELAY_{name}_FILE", str(file))
    return file


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


@pytest.fixture(autouse=True)
def _an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("content", [b"a secret", b"a secret\n", b"a secret\r\n"])
def test_the_hash_comes_from_a_file_without_the_newline_at_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    given(monkeypatch, tmp_path, "WEBHOOK_HASH", content)

    assert [secret.get_secret_value() for secret in load_settings().hashes_of("default")] == [
        "a secret"
    ]


def test_every_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(monkeypatch, tmp_path, "WEBHOOK_HASH_NEXT", b"the next")
    given(monkeypatch, tmp_path, "CHANNELS__UK__WEBHOOK_HASH", b"of the uk")
    given(monkeypatch, tmp_path, "CHANNELS__UK__WEBHOOK_HASH_NEXT", b"the next of the uk")
    given(monkeypatch, tmp_path, "REDIS_URL", b"redis://:password@broker:6379/0")
    settings = load_settings()

    assert settings.redis_url == "redis://:password@broker:6379/0"
    hashes = {
        channel: [secret.get_secret_value() for secret in settings.hashes_of(channel)]
        for channel in settings.channel_names
    }
    assert hashes == {"default": ["the next"], "uk": ["of the uk", "the next of the uk"]}


def test_a_file_wins_over_the_settings_file_as_the_environment_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "relay.toml").write_text('redis_url = "redis://of-the-file/0"')
    given(monkeypatch, tmp_path, "REDIS_URL", b"redis://of-the-secret/0")

    assert load_settings().redis_url == "redis://of-the-secret/0"


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH_NEXT_FILE", "")
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH", "")
    given(monkeypatch, tmp_path, "WEBHOOK_HASH")

    assert len(load_settings().hashes_of("default")) == 1


def test_a_variable_that_stands_for_no_setting_is_none_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONPORT_RELAY_LOGO_FILE", "/no/such/file")

    load_settings()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty; expected the value, on one line"),
        (b"\n", "is empty; expected the value, on one line"),
        (b"a secret\nand another\n", "has more than one line; expected the value, on one line"),
        (b"a secret\xff", "is not text in UTF-8"),
    ],
)
def test_a_file_that_holds_no_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, fault: str
) -> None:
    file = given(monkeypatch, tmp_path, "WEBHOOK_HASH", content)

    assert refusal() == (
        f"webhook_hash: ONPORT_RELAY_WEBHOOK_HASH_FILE names {file}, which {fault}"
    )


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(monkeypatch, tmp_path, "CHANNELS__UK__WEBHOOK_HASH").unlink()

    assert refusal() == (
        "channels.uk.webhook_hash: ONPORT_RELAY_CHANNELS__UK__WEBHOOK_HASH_FILE names "
        f"{tmp_path}/channels__uk__webhook_hash, which can't be read: No such file or directory"
    )


def test_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH_FILE", str(tmp_path))

    assert refusal().endswith("which can't be read: Is a directory")


def test_both_a_value_and_a_file_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, tmp_path, "WEBHOOK_HASH")
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH", "another secret")

    assert refusal() == (
        "webhook_hash: ONPORT_RELAY_WEBHOOK_HASH and ONPORT_RELAY_WEBHOOK_HASH_FILE are both set; "
        "expected one of them"
    )


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(monkeypatch, tmp_path, "WEBHOOK_HASH", b"")
    given(monkeypatch, tmp_path, "WEBHOOK_HASH_NEXT").unlink()
    given(monkeypatch, tmp_path, "REDIS_URL", b"ftp://secret@broker/0")
    monkeypatch.setenv("ONPORT_RELAY_RATE", "-1")
    faults = refusal()

    assert [line.partition(":")[0] for line in faults.splitlines()] == [
        "webhook_hash",
        "webhook_hash_next",
        "redis_url",
        "rate",
    ]
    assert "secret" not in faults.replace("webhook_hash", "")
