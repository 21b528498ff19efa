"""What befalls a relay, one thing at a time, chosen and timed by a seed."""

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
from tests.acceptance.proxy import Proxy
from tests.acceptance.staff import Staff

from onport_queue.clock import SystemClock
from onport_sandbox import SandboxProcess

_CLOCK = SystemClock()
_PAUSE_S = (0.3, 2.0)


@dataclass
class Nemeses:
    """Each method is one misfortune, from its beginning to its end."""

    broker: redis.Redis
    sandbox: SandboxProcess
    proxies: tuple[Proxy, ...]
    workers: Staff
    shops: Staff
    lease_s: float
    chance: random.Random
    befell: Counter[str] = field(default_factory=Counter)

    def strike_for(self, seconds: float) -> None:
        """Let one misfortune follow the other for so long; all are over when it returns."""
        ends_at = _CLOCK.monotonic_s() + seconds
        while _CLOCK.monotonic_s() < ends_at:
            name, misfortune = self.chance.choice(self._all())
            self.befell[name] += 1
            misfortune()
            self.workers.replace_ended()
            self.shops.replace_ended()
            self._wait(self.chance.uniform(*_PAUSE_S))

    def _all(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("worker killed", self._kill_a_worker),
            ("worker killed", self._kill_a_worker),
            ("worker told to stop", self._stop_a_worker),
            ("worker frozen past its lease", self._freeze_a_worker),
            ("shop killed", self._kill_a_shop),
            ("broker killed", self._kill_the_broker),
            ("broker frozen", self._freeze_the_broker),
            ("clients killed", self._kill_clients),
            ("scripts flushed", self._flush_scripts),
            ("connections cut", self._cut),
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
            self._wait(self.lease_s + self.chance.uniform(1, 3))

    def _kill_a_shop(self) -> None:
        self.shops.signal(self.chance, signal.SIGKILL)

    def _kill_the_broker(self) -> None:
        os.kill(self._broker_pid(), signal.SIGKILL)

    def _freeze_the_broker(self) -> None:
        with self._stopped(self._broker_pid()):
            self._wait(self.chance.uniform(0.5, 4))

    def _kill_clients(self) -> None:
        with suppress(RedisError):
            self.broker.client_kill_filter(_type="normal", skipme=True)

    def _flush_scripts(self) -> None:
        with suppress(RedisError):
            self.broker.script_flush()

    def _cut(self) -> None:
        self._proxy().cut()

    def _refuse(self) -> None:
        proxy = self._proxy()
        proxy.refuse()
        self._wait(self.chance.uniform(0.5, 6))
        proxy.heal()

    def _delay(self) -> None:
        proxy = self._proxy()
        proxy.delay(self.chance.uniform(0.01, 0.2))
        self._wait(self.chance.uniform(1, 4))
        proxy.heal()

    def _swallow(self) -> None:
        proxy = self._proxy()
        proxy.swallow()
        self._wait(self.chance.uniform(0.5, 5))
        proxy.heal()

    def _endpoint_down(self) -> None:
        self.sandbox.configure(outage=self.chance.choice(["status", "refused", "hung"]))
        self._wait(self.chance.uniform(1, 6))
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
            os.kill(pid, signal.SIGCONT)

    def _wait(self, seconds: float) -> None:
        _CLOCK.wait(threading.Event(), seconds)
