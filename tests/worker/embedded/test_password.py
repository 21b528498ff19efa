from pathlib import Path

from onport_worker.embedded.password import keep_password, read_password


def test_a_password_is_made_once_and_kept(tmp_path: Path) -> None:
    first = keep_password(tmp_path)

    assert len(first) == 32
    assert keep_password(tmp_path) == first == read_password(tmp_path)


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    keep_password(tmp_path)

    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("known")
    (tmp_path / "password").chmod(0o644)

    assert keep_password(tmp_path) == "known"
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_no_password(tmp_path: Path) -> None:
    (tmp_path / "password").touch()

    assert len(keep_password(tmp_path)) == 32


def test_what_a_crash_left_aside_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "password.new").write_text("half")

    assert len(keep_password(tmp_path)) == 32
