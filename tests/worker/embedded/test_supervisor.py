import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from onport_worker.embedded import BrokerFailedError, EmbeddedBrokerError, RestartPolicy
from onport_worker.embedded.supervisor import Supervisor

SOON_S = 5.0


class StepClock:
    """A clock that moves only by the waits of the supervisor, and remembers them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, tz=UTC)

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits_s.append(seconds)
        self.now_s += seconds
        return event.is_set()


class PatientClock(StepClock):
    """A clock whose waits last until the event comes."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        del seconds
        self.waiting.set()
        return event.wait(SOON_S)


@dataclass
class FakeServer:
    """A server that serves until it is ended, or dies at once, or never serves."""

    dies: bool = False
    serves: bool = True
    ended: threading.Event = field(default_factory=threading.Event)

    def wait_ready(self, stopping: threading.Event) -> None:
        del stopping
        if not self.serves:
            raise BrokerFailedError("no room")

    def wait_end(self) -> None:
        if not self.dies and self.serves:
            self.ended.wait(SOON_S)

    def end(self, *, timeout_s: float) -> None:
        del timeout_s
        self.ended.set()

    def last_words(self) -> str:
        return "disk full"


class Stage:
    """A supervisor between fakes: servers to start one after the other, and who is told."""

    def __init__(
        self,
        *servers: FakeServer,
        clock: StepClock | None = None,
        policy: RestartPolicy | None = None,
    ) -> None:
        self.clock = clock or StepClock()
        self.waiting = list(servers)
        self.started: list[FakeServer] = []
        self.errors: list[EmbeddedBrokerError] = []
        self.all_started = threading.Event()
        self.gave_up = threading.Event()
        self.supervisor = Supervisor(
            self._spawn,
            policy=policy or RestartPolicy(),
            on_give_up=self._told,
            clock=self.clock,
        )

    def _spawn(self) -> FakeServer:
        if not self.waiting:
            raise BrokerFailedError("program gone")
        server = self.waiting.pop(0)
        self.started.append(server)
        if not self.waiting:
            self.all_started.set()
        return server

    def _told(self, error: EmbeddedBrokerError) -> None:
        self.errors.append(error)
        self.gave_up.set()


def test_a_server_that_dies_is_started_again() -> None:
    stage = Stage(FakeServer(dies=True), FakeServer())
    stage.supervisor.start()

    assert stage.all_started.wait(SOON_S)
    stage.supervisor.stop()
    assert not stage.supervisor.failed
    assert stage.started[-1].ended.is_set()


def test_pauses_grow_until_it_gives_up_once_with_the_last_words() -> None:
    stage = Stage(*[FakeServer(dies=True) for _ in range(10)])
    stage.supervisor.start()

    assert stage.gave_up.wait(SOON_S)
    stage.supervisor.stop()
    assert stage.clock.waits_s == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert len(stage.started) == 6
    assert stage.supervisor.failed
    assert [str(error) for error in stage.errors] == [
        "the broker died 6 times in a row and is not started again; disk full"
    ]


def test_a_restart_that_is_impossible_counts_as_a_death() -> None:
    stage = Stage(FakeServer(dies=True))
    stage.supervisor.start()

    assert stage.gave_up.wait(SOON_S)
    stage.supervisor.stop()
    assert len(stage.clock.waits_s) == 5


def test_a_server_that_never_serves_is_ended_before_the_next_one() -> None:
    silent = FakeServer(serves=False)
    stage = Stage(FakeServer(dies=True), silent, FakeServer())
    stage.supervisor.start()

    assert stage.all_started.wait(SOON_S)
    stage.supervisor.stop()
    assert silent.ended.is_set()


def test_a_first_start_that_fails_is_told_and_not_tried_again() -> None:
    stage = Stage(FakeServer(serves=False), FakeServer())

    with pytest.raises(BrokerFailedError, match="no room"):
        stage.supervisor.start()

    assert len(stage.started) == 1
    assert stage.started[0].ended.is_set()


def test_a_stop_while_a_restart_is_due_starts_nothing() -> None:
    clock = PatientClock()
    stage = Stage(FakeServer(dies=True), FakeServer(), clock=clock)
    stage.supervisor.start()

    assert clock.waiting.wait(SOON_S)
    stage.supervisor.stop()
    assert len(stage.started) == 1
    assert not stage.supervisor.failed
