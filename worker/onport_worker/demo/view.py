"""What a person sees: a live table while it runs, a report and a sentence at the end."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from onport_queue.ledger import Stats
from onport_queue.names import Lane
from onport_queue.picture.text import counted
from onport_worker.demo.report import Report


def live(stats: Stats, used: float, allowed: float) -> RenderableType:
    """Return the live picture of both lanes and the rate."""
    table = Table(title="Onport Relay: shop → queue → sandbox", expand=False)
    for column in ("lane", "pending", "oldest", "what"):
        table.add_column(column, justify="right" if column in ("pending", "oldest") else "left")
    for lane in Lane:
        streams = [stream for stream in stats.streams if stream.lane == lane]
        oldest = max((stream.oldest_ms for stream in streams), default=0)
        kinds = ", ".join(f"{stream.kind} {stream.pending:,}" for stream in streams)
        table.add_row(
            lane.value, f"{stats.pending_in(lane):,}", f"{oldest / 1000:.1f} s", kinds or "-"
        )
    filled = min(40, round(40 * used / allowed))
    bar = Text(f"rate  {'█' * filled}{'░' * (40 - filled)}  {used:.0f} of {allowed:.0f} requests/s")
    ledger = stats.ledger
    facts = Text(
        f"accepted {ledger.accepted:,}   "
        f"delivered {ledger.delivered:,}   folded {ledger.folded:,}   "
        f"in flight {stats.in_flight:,}   to be retried {stats.delayed:,}   dead {stats.dead:,}"
    )
    return Group(table, bar, facts)


def show(report: Report, console: Console) -> None:
    """Print the report and what it means."""
    table = Table(
        title="What became of it (from the sandbox's receipts and the shop's own log)",
        show_header=False,
    )
    table.add_column()
    table.add_column(justify="right")
    high, low = report.high_wait_ms, report.low_wait_ms
    rate, requests = report.rate, report.requests
    # A burst may exceed the rate for a moment: more than all of it would only puzzle.
    use = min(1.0, rate.efficiency)
    rows = (
        ("handed over by the shop", f"{report.accepted:,}"),
        ("= different sales, products, variants delivered", f"{report.delivered:,}"),
        ("+ newer states of these, sent after them", f"{report.later_states:,}"),
        ("+ newer states that replaced one not sent yet", f"{report.folded:,}"),
        ("+ lost / given up (dead)", f"{report.lost} / {report.dead}"),
        ("things left in an older state than the newest", f"{report.stale}"),
        ("deliveries that failed and were made again", f"{report.retried:,}"),
        ("arrived twice / sent, and no answer came", f"{report.duplicates} / {report.ambiguous}"),
        ("off in the queue's own books", f"{report.imbalance}"),
        ("requests made / least possible", f"{requests.made:,} / {requests.least:,}"),
        ("requests/s allowed / made on average", f"{rate.allowed:g} / {rate.achieved:g}"),
        ("use of the rate while there was work", f"{use:.1%}"),
        ("requests in the busiest second, with its burst", f"{rate.worst_second}"),
        ("requests refused as too many (429)", f"{report.throttled}"),
        (
            "new sales waited, median / 99 % / max",
            f"{high.p50:,.0f} / {high.p99:,.0f} / {high.max:,.0f} ms",
        ),
        (
            "the rest waited, median / 99 % / max",
            f"{low.p50:,.0f} / {low.p99:,.0f} / {low.max:,.0f} ms",
        ),
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(sentence(report), style="bold red" if report.faults else "bold green")


def sentence(report: Report) -> str:
    """Return the report in a sentence."""
    if report.faults:
        return f"Something is off: {'; '.join(report.faults)}."
    return (
        "Everything the shop handed over arrived, each thing in its newest state: "
        f"{counted(report.accepted, 'job')} in {counted(report.requests.made, 'request')}. "
        f"Half of the new sales were there within {report.high_wait_ms.p50:,.0f} ms, "
        "overtaking the import; "
        f"{counted(report.retried, 'delivery', 'deliveries')} failed on the way, and went again."
    )
