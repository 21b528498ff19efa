"""The four inbound addresses: from a request to the receipt of what it carries."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TypeVar

from starlette.types import Receive, Scope

from onport_producers.gateway import answer as answers
from onport_producers.gateway.answer import JSON, Answer
from onport_producers.gateway.body import MAX_BODY_BYTES, TooLargeError, announced_bytes, read_body
from onport_producers.gateway.contents import Prepare, is_array, items_of, one_of
from onport_producers.gateway.door import Door
from onport_producers.gateway.group import GroupCommit
from onport_producers.gateway.metrics import Metrics
from onport_producers.gateway.routes import FORCE_HEADER, HASH_HEADER, SALE_HEADER, Route
from onport_producers.producer import Producer
from onport_producers.receipt import Receipt
from onport_producers.threads import in_thread
from onport_queue.errors import BrokerUnavailableError, InvalidJobError
from onport_queue.jobs import Job, LinkJob
from onport_queue.log import Log
from onport_queue.names import Kind, Lane
from onport_queue.puts import JOBS_PER_PUT

_log = Log(__name__)

_HASH, _SALE, _FORCE = (name.encode() for name in (HASH_HEADER, SALE_HEADER, FORCE_HEADER))
_LANES = {b"new": Lane.HIGH, b"update": Lane.LOW}
_FORCES = {b"true": True, b"false": False}
# A longer body is parsed in a thread: nobody else is served while the loop parses.
_LONG_BYTES = 65_536
_THREADS = 2
_SMALL_BYTES = 262_144
_LARGE_AT_A_TIME = 16

_AnyJob = TypeVar("_AnyJob", Job, LinkJob)
_Result = TypeVar("_Result")
_Headers = Mapping[bytes, bytes]


class Inbound:
    """Answers once the relay has what a request carries, or says why it has not."""

    def __init__(self, producer: Producer, door: Door, metrics: Metrics) -> None:
        self._producer = producer
        self._door = door
        self._metrics = metrics
        self._large = asyncio.Semaphore(_LARGE_AT_A_TIME)
        self._sales = GroupCommit(producer, metrics)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway")
        # A shopper's sale does not wait until catalogues are parsed and put.
        self._sale_thread = ThreadPoolExecutor(1, thread_name_prefix="gateway-sales")

    async def answer(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        """Return the answer, once the relay has it.

        Raises:
            ClientGoneError: nobody is there to be answered.
        """
        headers: _Headers = dict(scope["headers"])
        if scope["method"] != route.method:
            return answers.wrong_method(route.method)
        channel = self._door.channel_of(headers.get(_HASH, b""))
        if channel is None:
            return answers.refused(401, f"{HASH_HEADER}: missing or wrong", field=HASH_HEADER)
        said = headers.get(b"content-type", JSON), headers.get(b"content-encoding", b"identity")
        if problem := _unreadable(*said):
            return answers.refused(415, problem)
        try:
            announced = announced_bytes(headers)
            if announced is not None and announced <= _SMALL_BYTES:
                return await self._read_and_put(route.kind, channel, headers, receive)
            # The others are not even read meanwhile.
            async with self._large:
                return await self._read_and_put(route.kind, channel, headers, receive)
        except TooLargeError:
            return answers.refused(413, f"body: more than {MAX_BODY_BYTES:,} bytes")
        except InvalidJobError as error:
            return answers.invalid(error)
        except BrokerUnavailableError as error:
            _log.error("put_refused", kind=route.kind.value, error=str(error))
            return answers.unavailable()

    def close(self) -> None:
        """Return when what was begun is finished."""
        self._sale_thread.shutdown()
        self._sales.close()
        self._threads.shutdown()

    async def _read_and_put(
        self, kind: Kind, channel: str, headers: _Headers, receive: Receive
    ) -> Answer:
        body = await read_body(receive)
        return await self._put(kind, channel, headers, body)

    async def _put(self, kind: Kind, channel: str, headers: _Headers, body: bytes) -> Answer:
        match kind:
            case Kind.SALE:
                lane = _said(headers, _SALE, _LANES)
                receipt = await self._sales.put(await self._sale(body), channel=channel, lane=lane)
                return answers.accepted(receipt)
            case Kind.PRODUCT:
                force = _said(headers, _FORCE, _FORCES) or False
                item = self._producer.prepare_product
                put = partial(self._put_items, kind, channel, item, force=force)
                return await in_thread(self._threads, put, body)
            case Kind.ACKNOWLEDGE | Kind.DISCONNECT:
                wish = partial(self._producer.prepare_links, kind)
                put = partial(self._put_items, kind, channel, wish, force=True)
                return await in_thread(self._threads, put, body)

    async def _sale(self, body: bytes) -> Job:
        prepare = self._producer.prepare_sale
        if len(body) > _LONG_BYTES:
            return await in_thread(self._sale_thread, one_of, prepare, body)
        return one_of(prepare, body)

    def _put_items(
        self, kind: Kind, channel: str, prepare: Prepare[_AnyJob], body: bytes, *, force: bool
    ) -> Answer:
        """Put what a products or links body carries: all of it is sound before any of it is put."""
        if is_array(body):
            jobs = items_of(prepare, body)
            return answers.all_accepted(self._put_all(kind, channel, jobs, force=force))
        job = one_of(prepare, body)
        if kind is not Kind.PRODUCT:
            raise InvalidJobError("", "expected a JSON array, got an object")
        return answers.accepted(self._put_all(kind, channel, [job], force=force)[0])

    def _put_all(
        self, kind: Kind, channel: str, jobs: list[_AnyJob], *, force: bool
    ) -> list[Receipt]:
        receipts: list[Receipt] = []
        for first in range(0, len(jobs), JOBS_PER_PUT):
            some = jobs[first : first + JOBS_PER_PUT]
            receipts += self._producer.put_jobs(kind, Lane.LOW, channel, some, force=force)
        self._metrics.taken(kind, (receipt.state for receipt in receipts))
        return receipts


def _said(headers: _Headers, name: bytes, values: Mapping[bytes, _Result]) -> _Result | None:
    """Return what a header of ours says; None if it is not there."""
    said = headers.get(name)
    if said is None:
        return None
    if (value := values.get(said)) is None:
        expected = " or ".join(each.decode() for each in values)
        raise InvalidJobError(name.decode(), f"expected {expected}")
    return value


# A shop says the same of every body.
@lru_cache(maxsize=64)
def _unreadable(content_type: bytes, encoding: bytes) -> str:
    """Return what is wrong with a body of that type; nothing if it is JSON that can be read."""
    if encoding.lower() != b"identity":
        return "content-encoding: expected none"
    media, *parameters = content_type.lower().split(b";")
    if media.strip() != b"application/json":
        return "content-type: expected application/json"
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name == b"charset" and value.strip(b'"') not in (b"utf-8", b"utf8"):
            return "content-type: expected charset utf-8, or none"
    return ""
