"""How a contender is to be set up for one trial, as its processes are told in the environment.

Standard library only: it is read in the peers' own environments, too.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

_PREFIX = "BENCH_"
HASH = "bench"
HIGH_CONCURRENCY = 4
"""Requests in flight of a worker that is there for new sales only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One trial's conditions, the same for every contender.

    Attributes:
        broker: the Redis URL.
        endpoint: where requests go.
        rate: requests/s of all workers together; 0 is as many as it can.
        processes: worker processes.
        concurrency: requests in flight in each of them.
        lanes: new sales must go before everything else.
    """

    broker: str
    endpoint: str
    rate: float = 0.0
    processes: int = 1
    concurrency: int = 16
    lanes: bool = False

    def environment(self) -> dict[str, str]:
        """Return it as variables."""
        values = {name: str(value) for name, value in asdict(self).items()}
        values["lanes"] = "1" if self.lanes else ""
        return {f"{_PREFIX}{name.upper()}": value for name, value in values.items()}

    @classmethod
    def told(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return what the environment tells."""
        text = {one.name: environment[f"{_PREFIX}{one.name.upper()}"] for one in fields(cls)}
        return cls(
            broker=text["broker"],
            endpoint=text["endpoint"],
            rate=float(text["rate"]),
            processes=int(text["processes"]),
            concurrency=int(text["concurrency"]),
            lanes=bool(text["lanes"]),
        )
