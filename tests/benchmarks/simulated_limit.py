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
    print(
        f"limit 50 of {CEILING:g}: use at least {min(run.use(60, 360, 15_000) for run in runs):.3f}, "
        f"429s at most {max(run.refused(60, 360) for run in runs):.2%}, 95 % of the ceiling at "
        f"most {max(run.seconds_until(0.95 * CEILING, 360) for run in runs)} s after it is lifted"
    )
    runs = [jumping(seed) for seed in range(SEEDS)]
    print(
        f"limit jumping between 20 and 80: use at least "
        f"{min(run.use(0, 600, 30_000) for run in runs):.3f}, "
        f"429s at most {max(run.refused(0, 600) for run in runs):.2%}"
    )


if __name__ == "__main__":
    main()
