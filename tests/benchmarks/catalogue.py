"""All benches by name, in the order in which they are run."""

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.benches import (
    adapt,
    catalogue_import,
    crash,
    day_of_changes,
    drain,
    efficiency,
    enqueue,
    order_under_load,
    scale,
)

_MODULES = (
    drain,
    efficiency,
    order_under_load,
    day_of_changes,
    catalogue_import,
    enqueue,
    adapt,
    crash,
    scale,
)
BENCHES: Mapping[str, Bench[Any]] = {module.BENCH.name: module.BENCH for module in _MODULES}
