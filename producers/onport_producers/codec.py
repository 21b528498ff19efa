"""The jobs of a put as one text, and back: every byte of a payload as it was."""

import json
from collections.abc import Sequence

from onport_queue.jobs import Job, Link, LinkJob


def encoded(jobs: Sequence[Job] | Sequence[LinkJob]) -> bytes:
    """Return jobs as JSON."""
    return json.dumps([_row(job) for job in jobs], separators=(",", ":")).encode()


def decoded(text: bytes) -> list[Job] | list[LinkJob]:
    """Return the jobs that `encoded` made this of."""
    rows = json.loads(text)
    if rows and isinstance(rows[0][2], list):
        return [
            LinkJob(key, tuple(Link(link, _bytes(body)) for link, body in links), version)
            for key, version, links in rows
        ]
    return [Job(key, _bytes(body), version) for key, version, body in rows]


def _row(job: Job | LinkJob) -> list[object]:
    if isinstance(job, LinkJob):
        return [job.key, job.version, [[link.id, _text(link.body)] for link in job.links]]
    return [job.key, job.version, _text(job.body)]


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
