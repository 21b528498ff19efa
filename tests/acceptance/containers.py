"""The services of the compose file as processes of this machine, for where no engine runs.

Each has a loopback address of its own in the place of its host name, and a folder in the place of
its root file system; what it runs, its environment and its healthcheck are the file's. What is not
covered: the images, owners of files, read-only file systems, restarts.
"""

import os
import secrets
import subprocess
import threading
from graphlib import TopologicalSorter
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.acceptance.images import Image, Rewriting
from tests.compose_file import Compose, Service

from onport_queue.clock import Clock, SystemClock
from onport_worker.embedded.leash import Leash

_LOOK_S = 0.1


class Containers:
    """Runs services for as long as the context lasts.

    Args:
        compose: the file; of its services those without an image that this machine has are not for
            it.
        home: for folders and logs.
        healthy_within_s: how long a service may take until its healthcheck passes.
    """

    def __init__(self, compose: Compose, home: Path, *, healthy_within_s: float = 60.0) -> None:
        self._compose = compose
        self._home = home
        self._healthy_within_s = healthy_within_s
        # A net of its own: another run at the same time, or a broker of this machine, has others.
        net = f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}"
        self._addresses = {
            name: f"{net}.{number}" for number, name in enumerate(compose.services, start=2)
        }
        self._containers: list[_Container] = []

    def __enter__(self) -> Self:
        """Start what each service waits for before the service, and return when all are healthy."""
        services = self._compose.services
        order = TopologicalSorter({name: its.depends_on for name, its in services.items()})
        order.prepare()
        try:
            while batch := order.get_ready():
                started = [self._started(name) for name in batch]
                for container in started:
                    container.await_health(self._healthy_within_s)
                order.done(*batch)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kill()

    def address(self, name: str) -> str:
        """Return where a service is, in the place of its host name."""
        return self._addresses[name]

    def folder(self, name: str) -> Path:
        """Return what a service has for its root file system."""
        return self._home / name

    def written(self, name: str) -> list[str]:
        """Return the files that a service has made outside its volumes."""
        folder, targets = self.folder(name), self._targets(self._compose.services[name])
        files = (Path(place, file) for place, _, names in os.walk(folder) for file in names)
        found = ["/" + str(file.relative_to(folder)) for file in files]
        return [file for file in found if file not in targets]

    def stop(self) -> dict[str, int]:
        """Stop them as an engine does, who waits for others first; return their exit statuses.

        Raises:
            subprocess.TimeoutExpired: one had not ended when its grace period was over.
        """
        return {container.name: container.stop() for container in reversed(self._containers)}

    def _started(self, name: str) -> "_Container":
        service, folder = self._compose.services[name], self.folder(name)
        image = Image.of(service, self._addresses[name], self._home / "bin" / name)
        texts = Rewriting(self._addresses, self._addresses[name], folder, self._targets(service))
        self._mount(service, folder, texts)
        working = folder / image.workdir.lstrip("/")
        working.mkdir(parents=True, exist_ok=True)
        environment = {**image.environment, **service.environment}
        container = _Container(
            name,
            [texts.rewritten(part) for part in service.command],
            [texts.rewritten(part) for part in service.healthcheck.test[1:]]
            if service.healthcheck
            else [],
            {key: texts.rewritten(value) for key, value in environment.items()}
            | {"PATH": image.path},
            working,
            self._home / f"{name}.log",
            grace_s=float((service.stop_grace_period or "10s").removesuffix("s")),
        )
        self._containers.append(container)
        return container

    def _targets(self, service: Service) -> list[str]:
        volumes = [volume.split(":")[1] for volume in service.volumes]
        configs = [config.target for config in service.configs]
        return [*volumes, *configs, *(f"/run/secrets/{secret}" for secret in service.secrets)]

    def _mount(self, service: Service, folder: Path, texts: Rewriting) -> None:
        for volume in service.volumes:
            name, target = volume.split(":")[:2]
            shared = self._home / "volumes" / name
            shared.mkdir(parents=True, exist_ok=True)
            _place(folder, target).symlink_to(shared)
        for config in service.configs:
            text = self._compose.configs[config.source].file.read_text()
            _place(folder, config.target).write_text(texts.rewritten(text))
        for secret in service.secrets:
            place = _place(folder, f"/run/secrets/{secret}")
            place.symlink_to(self._compose.secrets[secret].file)

    def _kill(self) -> None:
        for container in reversed(self._containers):
            container.end()


def _place(folder: Path, target: str) -> Path:
    place = folder / target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


class _Container:
    """One process, and how to ask for its health."""

    def __init__(
        self,
        name: str,
        command: list[str],
        healthcheck: list[str],
        environment: dict[str, str],
        working: Path,
        log: Path,
        *,
        grace_s: float,
    ) -> None:
        self.name = name
        self._healthcheck = healthcheck
        self._environment = environment
        self._working = working
        self._log = log
        self._grace_s = grace_s
        self._clock: Clock = SystemClock()
        self._leash = Leash()
        with log.open("ab") as opened:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=working,
                stdin=subprocess.DEVNULL,
                stdout=opened,
                stderr=opened,
                start_new_session=True,
                pass_fds=(self._leash.fd,),
            )
        self._leash.tie(self._process.pid)

    def await_health(self, seconds: float) -> None:
        if not self._healthcheck:
            return
        patient_until, never = self._clock.monotonic_s() + seconds, threading.Event()
        while (said := self._complaint()) is not None:
            assert self._process.poll() is None, f"{self.name} ended:\n{self._log.read_text()}"
            assert self._clock.monotonic_s() < patient_until, (
                f"{self.name} is not healthy after {seconds:.0f} s: {said}\n{self._log.read_text()}"
            )
            self._clock.wait(never, _LOOK_S)

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(self._grace_s)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._leash.drop()

    def _complaint(self) -> str | None:
        done = subprocess.run(
            self._healthcheck,
            env=self._environment,
            cwd=self._working,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return None if done.returncode == 0 else done.stdout + done.stderr
