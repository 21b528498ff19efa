"""How a run has ended, told to the log."""

from onport_producers.schedule import Report
from onport_queue.log import Log
from onport_queue.runs import Outcome


def tell_end(log: Log, schedule: str, report: Report) -> None:
    """Tell how a run has ended; its error has lines and fields, never values."""
    counts = {"accepted": report.tally.accepted, "refused": report.tally.refused}
    if report.outcome is Outcome.DONE:
        log.info("schedule_ended", schedule=schedule, **counts)
    else:
        how = {"outcome": report.outcome.value, "error": report.error}
        log.warning("schedule_failed", schedule=schedule, **how, **counts)
