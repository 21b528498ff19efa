"""All benches by name, in the order in which they are run."""

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.benches import drain, efficiency

BENCHES: Mapping[str, Bench[Any]] = {
    module.BENCH.name: module.BENCH for module in (drain, efficiency)
}
