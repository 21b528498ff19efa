"""A put as the text of a row, and back. The schema of a shop's table need not know its fields."""

import json

from onport_producers.codec import decoded, encoded
from onport_queue.fold import Mode
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch

FORMAT = 1
"""Of what is written; a text that does not say it is of the first one."""


def written(batch: PutBatch) -> str:
    """Return a put as two lines of JSON: what it is, and its jobs."""
    head = {
        "format": FORMAT,
        "kind": batch.kind,
        "channel": batch.channel,
        "lane": batch.lane,
        "mode": batch.mode,
        "not_before_ms": batch.not_before_ms,
        "skip_unchanged": batch.skip_unchanged,
    }
    return json.dumps(head) + "\n" + encoded(batch.jobs).decode()


def read(text: str, *, put_id: str, added_ms: int) -> PutBatch:
    """Return the put that `written` made this of.

    Raises:
        ValueError, TypeError, LookupError: nothing that it made, or that of a newer release.
    """
    head, _, jobs = text.partition("\n")
    fields = json.loads(head)
    if "format" in fields and fields["format"] > FORMAT:
        raise ValueError(f"format {fields['format']}, expected {FORMAT} at most")
    return PutBatch(
        put_id=bytes.fromhex(put_id),
        kind=Kind(fields["kind"]),
        channel=fields["channel"],
        lane=Lane(fields["lane"]) if fields["lane"] else None,
        jobs=decoded(jobs.encode()),
        mode=Mode(fields["mode"]),
        latest_ms=added_ms,
        kept=True,
        not_before_ms=fields["not_before_ms"],
        skip_unchanged=fields["skip_unchanged"],
    )
