"""A dry run: all that is done with items before a broker takes them."""

from collections.abc import Sequence

from onport_producers import Storefront
from onport_queue.clock import SystemClock
from onport_queue.fold import Fragment
from onport_queue.jobs import Job, LinkJob, link_item
from onport_queue.puts import PutBatch
from onport_queue.settings import Settings

SHOWN = 5


class Rehearsal(Storefront):
    """Takes items and puts them nowhere; the first ones are there to be shown."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, SystemClock())
        self.first: list[bytes] = []

    def _put(self, batch: PutBatch) -> None:
        wanted: Sequence[Job | LinkJob] = batch.jobs[: SHOWN - len(self.first)]
        self.first += [_body(job) for job in wanted]


def _body(job: Job | LinkJob) -> bytes:
    """Return the item as Onport would get it if nothing else were put."""
    if isinstance(job, Job):
        return job.body
    fragments = [Fragment("", link.id, link.body, 0) for link in job.links]
    return link_item(job.key, fragments)
