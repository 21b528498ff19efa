from pathlib import Path

import pytest

from onport_queue.names import FIGURES_VARIABLE
from onport_worker.telemetry.shared import shared_folder


def test_a_folder_of_our_own_lasts_as_long_as_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FIGURES_VARIABLE, raising=False)
    with shared_folder() as folder:
        assert folder.is_dir()
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "counter_1.db").write_bytes(b"")
    assert not folder.exists()


def test_a_folder_that_is_given_is_used_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FIGURES_VARIABLE, str(tmp_path))
    with shared_folder() as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()
