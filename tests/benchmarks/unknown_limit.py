"""How well the relay finds and uses a limit that nobody told it, below its own ceiling.

The sandbox lets 50 requests/s pass and refuses the others with 429; the relay may send 125. Work is
always pending. Measured are the refusals, the use of the limit and, once the limit is lifted, the
way back to the ceiling. With --jumps the limit alternates between 20 and 80 every minute instead.
On an idle machine, from the checkout:

    .venv/bin/python -m tests.benchmarks.unknown_limit
    .venv/bin/python -m tests.benchmarks.unknown_limit --jumps 10
"""

import argparse
import sys
from collections.abc import Sequence

from tests.benchmarks.load import SECRET, Period, Relay, under_load

from onport_sandbox import Receipt, SandboxSettings

CEILING = 125.0
LIMIT, BURST, LATENCY_MS = 50.0, 5.0, 20.0
JUMPS, JUMP_S = (20.0, 80.0), 60.0
MOST_REFUSED, LEAST_USE = 0.005, 0.92
MOST_REFUSED_OF_JUMPS, LEAST_USE_OF_JUMPS = 0.02, 0.60
BACK_AT, BACK_WITHIN_S = 0.95 * CEILING, 90.0


def steady(relay: Relay, seconds: float, lift_s: float) -> bool:
    """Measure an unchanging limit, then its end; return whether all is within bounds."""
    limited = relay.run_for(seconds)
    relay.sandbox.configure(rate=None)
    lifted = relay.run_for(lift_s)
    receipts = relay.receipts()
    measured = [receipt for receipt in receipts if receipt.started in limited]
    is_used = report(measured, LIMIT * limited.seconds, MOST_REFUSED, LEAST_USE)
    arrived = [receipt.started for receipt in receipts if receipt.started in lifted]
    back_s = seconds_until(BACK_AT, arrived, lifted.began)
    if back_s is None:
        last_s = sum(moment >= lifted.ended - 1 for moment in arrived)
        print(f"limit lifted: not back at {BACK_AT:g}/s in {lift_s:.0f} s, but at {last_s}/s")
    else:
        print(f"limit lifted: back at {BACK_AT:g}/s in {back_s:.1f} s (<= {BACK_WITHIN_S:.0f})")
    return is_used and back_s is not None and back_s <= BACK_WITHIN_S


def jumping(relay: Relay, jumps: int) -> bool:
    """Measure a limit that jumps every minute; return whether all is within bounds."""
    limits = [JUMPS[jump % len(JUMPS)] for jump in range(jumps)]
    periods = []
    for limit in limits:
        relay.sandbox.configure(rate=limit)
        periods.append(relay.run_for(JUMP_S))
    receipts = relay.receipts()
    for limit, period in zip(limits, periods, strict=True):
        arrived = [receipt for receipt in receipts if receipt.started in period]
        refused = sum(receipt.status == 429 for receipt in arrived)
        print(f"limit {limit:g}/s: {len(arrived) - refused:,} accepted, {refused:,} refused")
    whole = Period(periods[0].began, periods[-1].ended)
    measured = [receipt for receipt in receipts if receipt.started in whole]
    allowed = sum(limit * period.seconds for limit, period in zip(limits, periods, strict=True))
    return report(measured, allowed, MOST_REFUSED_OF_JUMPS, LEAST_USE_OF_JUMPS)


def report(
    receipts: Sequence[Receipt], allowed: float, most_refused: float, least_use: float
) -> bool:
    """Print both shares; return whether they are within bounds."""
    refused = sum(receipt.status == 429 for receipt in receipts)
    accepted = sum(receipt.status == 200 for receipt in receipts)
    share, use = refused / max(1, len(receipts)), accepted / allowed
    print(f"{len(receipts):,} requests, {refused:,} refused: {share:.2%} (<= {most_refused:.1%})")
    print(f"use of the limit: {accepted:,} of {allowed:,.0f}, {use:.3f} (>= {least_use:g})")
    return share <= most_refused and use >= least_use


def seconds_until(rate: float, moments: Sequence[float], since: float) -> float | None:
    """Return when first so many of these moments lay within one second, all after `since`."""
    first = 0
    for index, moment in enumerate(moments):
        while moment - moments[first] >= 1:
            first += 1
        if index + 1 - first >= rate:
            return moment - since
    return None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--warm-up", type=float, default=60.0, help="seconds before measuring")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--lift", type=float, default=90.0, help="seconds without the limit")
    parser.add_argument("--jumps", type=int, default=0, help="minutes of a jumping limit instead")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8, help="of each worker")
    options = parser.parse_args()
    answers = SandboxSettings(
        hashes={"default": SECRET},
        rate=LIMIT,
        burst=BURST,
        retry_after="seconds",
        latency_ms=LATENCY_MS,
    )
    with under_load(
        answers,
        rate=CEILING,
        workers=options.workers,
        threads=options.threads,
        pending=5_000,
        appendfsync="always",
    ) as relay:
        with relay.backlog:
            relay.run_for(options.warm_up)
            if options.jumps:
                is_good = jumping(relay, options.jumps)
            else:
                is_good = steady(relay, options.seconds, options.lift)
        return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
