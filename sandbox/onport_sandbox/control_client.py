"""The client of the control addresses."""

import json
from collections.abc import Mapping, Sequence, Set
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TypeAlias

from onport_sandbox.control import CONTROL_PREFIX
from onport_sandbox.documents import Json, parse_document
from onport_sandbox.errors import Problem, SandboxProcessError, SettingsError, UnreadableError
from onport_sandbox.fields import Fields
from onport_sandbox.stats import Stats

SettingValue: TypeAlias = (
    bool | int | float | str | Sequence[str] | Set[str] | Mapping[str, str] | None
)

_TIMEOUT_SECONDS = 10.0


class ControlClient:
    """Speaks to the control addresses of a sandbox on this host.

    It connects by itself, so that no proxy named in the environment comes between.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def configure(self, changes: Mapping[str, SettingValue]) -> None:
        """Put `changes` in force for the next request.

        Raises:
            SettingsError: A setting is unknown, of the wrong type or out of its range.
        """
        document = {name: _as_json(value) for name, value in changes.items()}
        status, answer = self._ask("PATCH", "settings", document)
        if status == 422:
            raise SettingsError(_problems(answer))
        self._expect_ok("settings", status)

    def stats(self) -> Stats:
        """Return the counts since the start or the last reset."""
        status, answer = self._ask("GET", "stats")
        self._expect_ok("stats", status)
        try:
            return Stats.from_document(answer)
        except ValueError as error:
            raise UnreadableError(f"stats: {error}") from error

    def reset(self) -> None:
        """Take the sandbox back to how it was started."""
        status, _ = self._ask("POST", "reset")
        self._expect_ok("reset", status)

    def _ask(self, method: str, name: str, document: object | None = None) -> tuple[int, Json]:
        body = b"" if document is None else json.dumps(document).encode()
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            with closing(connection):
                connection.request(method, f"{CONTROL_PREFIX}/{name}", body)
                response = connection.getresponse()
                return response.status, parse_document(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise SandboxProcessError(
                f"{name}: the sandbox at {self._host}:{self._port} did not answer: {error!r}"
            ) from error

    def _expect_ok(self, name: str, status: int) -> None:
        if status != 200:
            raise SandboxProcessError(
                f"{name}: the sandbox at {self._host}:{self._port} answered {status}, expected 200"
            )


def _as_json(value: SettingValue) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return list(value)


def _problems(answer: Json) -> tuple[Problem, ...]:
    try:
        return tuple(
            Problem(problem.text("field"), problem.text("value"), problem.text("expected"))
            for problem in Fields(answer).objects("problems")
        )
    except ValueError as error:
        raise UnreadableError(f"refused settings: {error}") from error
