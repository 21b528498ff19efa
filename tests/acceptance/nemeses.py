"""What befalls a relay, chosen and timed by a seed; a second thing may come amid a first."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import redis
from redis.exceptions import RedisError
from tests.acceptance.flying import Flying
from tests.acceptance.proxy import Proxy
from tests.acceptance.staff import Staff

from onport_queue.clock import SystemClock
from onport_sandbox import SandboxProcess

_CLOCK = SystemClock()
_PAUSE_S = (0.3, 2.0)
_ACCOMPANIED = 0.5

_Misfortune = tuple[str, Callable[[], None]]


@dataclass
class Nemeses:
    """Each method is one misfortune, from its beginning to its end."""

    broker: redis.Redis
    flying: Flying
    sandbox: SandboxProcess
    proxies: tuple[Proxy, ...]
    workers: Staff
    shops: Staff
    lease_s: float
    chance: random.Random
    befell: Counter[str] = field(default_factory=Counter)
    _deck: list[_Misfortune] = field(default_factory=list)

    def strike_for(self, seconds: float) -> None:
        """Let one misfortune follow the other for so long; all are over when it returns."""
        ends_at = _CLOCK.monotonic_s() + seconds
        while _CLOCK.monotonic_s() < ends_at:
            self._befall(self._next())
            self.workers.replace_ended()
            self.shops.replace_ended()
            self._wait(self.chance.uniform(*_PAUSE_S))

    def _next(self) -> _Misfortune:
        """Deal from a shuffled deck, so that a short storm has met most of them too."""
        if not self._deck:
            self._deck = self._sudden() + self._lasting()
            self.chance.shuffle(self._deck)
        return self._deck.pop()

    def _befall(self, drawn: _Misfortune) -> None:
        name, misfortune = drawn
        self.befell[name] += 1
        self.flying.note()
        misfortune()
        self.flying.note()

    def _sudden(self) -> list[_Misfortune]:
        return [
            *self._upon_others(),
            ("broker killed", self._kill_the_broker),
            ("clients killed", self._kill_clients),
            ("scripts flushed", self._flush_scripts),
        ]

    def _upon_others(self) -> list[_Misfortune]:
        return [
            ("worker killed", self._kill_a_worker),
            ("worker killed", self._kill_a_worker),
            ("worker told to stop", self._stop_a_worker),
            ("shop killed", self._kill_a_shop),
            ("connections cut", self._cut),
        ]

    def _lasting(self) -> list[_Misfortune]:
        return [
            ("worker frozen past its lease", self._freeze_a_worker),
            ("broker frozen", self._freeze_the_broker),
            ("broker refused", self._refuse),
            ("broker slow", self._delay),
            ("broker half-open", self._swallow),
            ("endpoint down", self._endpoint_down),
        ]

    def _kill_a_worker(self) -> None:
        self.workers.signal(self.chance, signal.SIGKILL)

    def _stop_a_worker(self) -> None:
        self.workers.signal(self.chance, signal.SIGTERM)

    def _freeze_a_worker(self) -> None:
        with self._stopped(self.workers.pid(self.chance)):
            self._last(self.lease_s + self.chance.uniform(1, 3))

    def _kill_a_shop(self) -> None:
        self.shops.signal(self.chance, signal.SIGKILL)

    def _kill_the_broker(self) -> None:
        os.kill(self._broker_pid(), signal.SIGKILL)

    def _freeze_the_broker(self) -> None:
        with self._stopped(self._broker_pid()):
            # While it is frozen it tells nobody which process it is.
            self._last(self.chance.uniform(0.5, 4), amid=self._upon_others())

    def _kill_clients(self) -> None:
        with suppress(RedisError):
            self.broker.client_kill_filter(_type="normal", skipme=True)

    def _flush_scripts(self) -> None:
        with suppress(RedisError):
            self.broker.function_flush()

    def _cut(self) -> None:
        self._proxy().cut()

    def _refuse(self) -> None:
        proxy = self._proxy()
        proxy.refuse()
        self._last(self.chance.uniform(0.5, 6))
        proxy.heal()

    def _delay(self) -> None:
        proxy = self._proxy()
        proxy.delay(self.chance.uniform(0.01, 0.2))
        self._last(self.chance.uniform(1, 4))
        proxy.heal()

    def _swallow(self) -> None:
        proxy = self._proxy()
        proxy.swallow()
        self._last(self.chance.uniform(0.5, 5))
        proxy.heal()

    def _endpoint_down(self) -> None:
        self.sandbox.configure(outage=self.chance.choice(["status", "refused", "hung"]))
        self._last(self.chance.uniform(1, 6))
        self.sandbox.configure(outage="off")

    def _proxy(self) -> Proxy:
        return self.chance.choice(self.proxies)

    def _broker_pid(self) -> int:
        for _ in range(200):  # it may be on its way back
            with suppress(RedisError):
                return int(self.broker.info("server")["process_id"])
            self._wait(0.05)
        raise AssertionError("the broker is not back after ten seconds")

    @contextmanager
    def _stopped(self, pid: int) -> Iterator[None]:
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):  # it may have been killed meanwhile
                os.kill(pid, signal.SIGCONT)

    def _last(self, seconds: float, amid: list[_Misfortune] | None = None) -> None:
        """Let it last so long; every other time something sudden befalls amid it."""
        before = self.chance.uniform(0, seconds)
        self._wait(before)
        if self.chance.random() < _ACCOMPANIED:
            self._befall(self.chance.choice(amid or self._sudden()))
        self._wait(seconds - before)

    def _wait(self, seconds: float) -> None:
        _CLOCK.wait(threading.Event(), seconds)
