"""How the adaptive rate uses a limit that it does not know, simulated over twenty seeds.

.venv/bin/python -m tests.benchmarks.simulated_limit
"""

import random

from tests.queue.simulation import Endpoint, Relay

CEILING = 125.0
SEEDS = 20


def steady(seed: int) -> Relay:
    endpoint = Endpoint(lambda at: 50.0 if at < 360_000 else None, burst=5)
    return Relay(endpoint, CEILING, random.Random(seed)).run(460)


def jumping(seed: int) -> Relay:
    endpoint = Endpoint(lambda at: (20.0, 80.0)[(int(at / 60_000) + seed) % 2], burst=5)
    return Relay(endpoint, CEILING, random.Random(seed), (30.0, 80.0)).run(600)


def main() -> None:
    runs = [steady(seed) for seed in range(SEEDS)]
    use = min(run.use(60, 360, 15_000) for run in runs)
    refused = max(run.refused(60, 360) for run in runs)
    back = max(run.seconds_until(0.95 * CEILING, 360) for run in runs)
    print(f"limit 50 of {CEILING:g}: use at least {use:.3f}, 429s at most {refused:.2%}")
    print(f"lifted: 95 % of the ceiling after at most {back} s")
    runs = [jumping(seed) for seed in range(SEEDS)]
    use = min(run.use(0, 600, 30_000) for run in runs)
    refused = max(run.refused(0, 600) for run in runs)
    print(f"jumping between 20 and 80: use at least {use:.3f}, 429s at most {refused:.2%}")


if __name__ == "__main__":
    main()
