from pathlib import Path

import pytest
from pydantic import SecretStr

from onport_queue.errors import SettingsError
from onport_queue.settings import load_settings
from onport_worker.cli.page_token import NAME, kept_token
from onport_worker.cli.premises import Premises
from onport_worker.cli.up import with_page
from onport_worker.fleet import GatewayPlan

GATEWAY = (GatewayPlan(8080),)


def premises(home: Path, token: str | None = None) -> Premises:
    settings = load_settings(data_dir=home, page_token=token)
    return Premises(settings, "", None, lambda: False)


def test_a_folder_has_one_token_that_is_its_owner_s_only(tmp_path: Path) -> None:
    token = kept_token(tmp_path)

    assert len(token) == 48
    assert kept_token(tmp_path) == token
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_two_folders_have_two_tokens(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    assert kept_token(tmp_path / "one") != kept_token(tmp_path / "two")


def test_a_token_that_others_could_read_is_theirs_no_longer(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("a-token-of-some-length\n")
    (tmp_path / NAME).chmod(0o644)

    assert kept_token(tmp_path) == "a-token-of-some-length"
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()

    assert len(kept_token(tmp_path)) == 48


def test_a_folder_that_can_t_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{NAME}: can't be read or written"):
        kept_token(tmp_path / "no-such-folder")


def test_the_settings_token_wins_and_without_a_gateway_none_is_made(tmp_path: Path) -> None:
    given = premises(tmp_path, "the-token-in-the-settings")
    assert with_page(given, GATEWAY) is given
    assert with_page(premises(tmp_path), ()).settings.page_token is None
    assert list(tmp_path.iterdir()) == []

    made = with_page(premises(tmp_path), GATEWAY).settings.page_token

    assert made == SecretStr(kept_token(tmp_path))


def test_a_short_token_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="page_token: expected at least 16") as refused:
        premises(tmp_path, "secret")

    assert "secret" not in str(refused.value)
    assert premises(tmp_path, "").settings.page_token is None
