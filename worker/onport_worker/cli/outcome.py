"""What became of a file, as a sentence and as a document."""

from dataclasses import dataclass, field

from onport_producers import Summary
from onport_queue.clock import Clock
from onport_queue.durations import spoken
from onport_queue.picture.text import counted, local, printable
from onport_worker.cli.arrival import Arrival

ALL_WARNINGS = (
    "To see all that have warnings: ONPORT_RELAY_VALIDATION=strict with --dry-run tells their "
    "lines, --rejects FILE keeps them."
)


@dataclass(slots=True)
class Outcome:
    """What became of the items of a file; `arrival` if they were followed."""

    summary: Summary = field(default_factory=Summary)
    rejected: int = 0
    arrival: Arrival | None = None
    fault: str | None = None

    def document(self) -> dict[str, int | str | None]:
        """Return it for a script."""
        summary = self.summary
        document: dict[str, int | str | None] = {
            "accepted": summary.accepted,
            "rejected": self.rejected,
            "folded": summary.folded,
            "superseded": summary.superseded,
            "unchanged": summary.unchanged,
            "delayed": summary.delayed,
            "warnings": summary.warnings,
            "first_warning": summary.first_warning,
            "expected_at": summary.expected_at.isoformat() if summary.expected_at else None,
            "fault": self.fault,
        }
        if self.arrival is not None:
            document |= {"delivered": self.arrival.gone, "dead": self.arrival.dead}
        return document

    def sentence(self, clock: Clock) -> str:
        """Return it for a person."""
        summary = self.summary
        rejected = f"{self.rejected:,} rejected" if self.rejected else ""
        if summary.accepted == 0:
            why = rejected or "The file holds no items"
            return f"{why}: nothing was accepted."
        details = [f"{summary.folded:,} folded into jobs that were not sent yet"]
        details += [f"{summary.superseded:,} superseded: Onport has something newer"]
        details += [f"{summary.unchanged:,} unchanged: Onport has them"]
        details += [f"{summary.warnings:,} with warnings, the first {summary.first_warning}"]
        told = printable(", ".join(one for one in details if not one.startswith("0 ")))
        sentence = f"{counted(summary.accepted, 'item')} accepted" + (f" ({told})" if told else "")
        sentence += f", {rejected}" if rejected else ""
        if self.arrival is not None:
            dead = f", {self.arrival.dead:,} dead" if self.arrival.dead else ""
            return f"{sentence}; {self.arrival.gone:,} delivered{dead}."
        if summary.expected_at is None:
            return f"{sentence}."
        now = clock.wall()
        left_s = max(0.0, (summary.expected_at - now).total_seconds())
        at = local(summary.expected_at, now)
        return f"{sentence}; delivery expected by {at}, in about {spoken(left_s)}."


def accepted_so_far(summary: Summary) -> str:
    """Return how far a sending came that was ended."""
    match summary.accepted:
        case 0:
            return "nothing was accepted"
        case 1:
            return "the first item was accepted"
        case many:
            return f"the first {many:,} items were accepted"
