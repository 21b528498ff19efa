"""A worker ends in time, with nothing in the dark."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from onport_worker.shutdown import Shutdown

WaitUntil = Callable[[Callable[[], bool]], None]


@dataclass
class Worker:
    """What a shutdown acts on, and what it did."""

    releases: bool = True
    did: list[str] = field(default_factory=list)
    exited: threading.Event = field(default_factory=threading.Event)

    def begin_stop(self) -> None:
        self.did.append("claims nothing more")

    def release(self) -> bool:
        self.did.append("releases")
        return self.releases

    def exit_process(self, status: int) -> None:
        self.did.append(f"exits {status}")
        self.exited.set()

    def shutdown(self, grace_s: float) -> Shutdown:
        made = Shutdown(
            self.begin_stop, self.release, exit_process=self.exit_process, grace_s=grace_s
        )
        made.listen()
        return made


def test_asked_once_it_releases_what_has_no_answer_when_the_grace_is_over() -> None:
    worker = Worker()
    worker.shutdown(grace_s=0.05).ask()
    assert worker.exited.wait(5)
    assert worker.did == ["claims nothing more", "releases", "exits 0"]


def test_asked_twice_it_does_not_wait() -> None:
    worker = Worker()
    shutdown = worker.shutdown(grace_s=600)
    shutdown.ask()
    shutdown.ask()
    assert worker.exited.wait(5)
    assert worker.did == ["claims nothing more", "releases", "exits 0"]


def test_told_to_end_at_once_it_does_not_wait_either() -> None:
    worker = Worker()
    worker.shutdown(grace_s=600).end_at_once()
    assert worker.exited.wait(5)
    assert worker.did == ["claims nothing more", "releases", "exits 0"]


def test_what_could_not_be_released_shows_in_the_status() -> None:
    worker = Worker(releases=False)
    worker.shutdown(grace_s=600).end_at_once()
    assert worker.exited.wait(5)
    assert worker.did[-1] == "exits 1"


@pytest.mark.parametrize("grace_s", [0.2, 600])
def test_a_worker_that_has_ended_by_itself_is_let_go(grace_s: float, wait_until: WaitUntil) -> None:
    worker = Worker()
    shutdown = worker.shutdown(grace_s)
    shutdown.ask()
    shutdown.done()
    wait_until(lambda: not shutdown.is_listening)
    assert worker.did == ["claims nothing more"]
