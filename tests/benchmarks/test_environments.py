import re
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.benchmarks.environments import Environments

_PEERS = Path(__file__).parent / "peers"
_LOCKS = sorted(path.parent.name for path in _PEERS.glob("*/requirements.in"))


@pytest.mark.parametrize("peer", _LOCKS)
def test_a_peers_lock_pins_and_hashes_all_and_names_no_address(peer: str) -> None:
    text = (_PEERS / peer / "requirements.lock").read_text()
    requirements = text.replace("\\\n", "").splitlines()

    assert [one for one in requirements if "==" not in one or "--hash=sha256:" not in one] == []
    assert "://" not in text


@pytest.mark.parametrize("peer", _LOCKS)
def test_a_peers_lock_holds_what_it_asks_for(peer: str) -> None:
    asked = re.findall(r"^[\w-]+", (_PEERS / peer / "requirements.in").read_text(), re.MULTILINE)
    lock = (_PEERS / peer / "requirements.lock").read_text()

    assert set(asked) <= set(re.findall(r"^[\w-]+(?===)", lock, re.MULTILINE))


def test_all_send_by_the_same_httpx() -> None:
    locks = ((_PEERS / peer / "requirements.lock").read_text() for peer in _LOCKS)

    assert (
        len(
            {
                found[1]
                for lock in locks
                if (found := re.search(r"^httpx==(\S+)", lock, re.MULTILINE))
            }
        )
        == 1
    )


@pytest.mark.parametrize("package", ["celery", "kombu", "redis", "hiredis", "httpx"])
def test_plain_celery_is_of_the_versions_that_the_relay_runs_on(package: str) -> None:
    # The crash bench runs both in the workspace's environment.
    lock = (_PEERS / "celery" / "requirements.lock").read_text()

    assert f"\n{package}=={version(package)} " in f"\n{lock}"


def test_an_environment_that_is_complete_is_used_as_it_is(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    home = environments.home("lpush")
    home.mkdir()
    (home / "complete").touch()

    assert environments.python("lpush") == home / "bin" / "python"


def test_what_is_said_of_an_installation_is_shown_if_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(SystemExit, match="could not be made"):
        Environments(tmp_path).python("lpush")

    assert "No matching distribution" in capsys.readouterr().err
