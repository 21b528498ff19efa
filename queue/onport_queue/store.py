"""The queue of one account: the atomic operations on what is stored in Redis."""

import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import assert_never, cast

from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from onport_queue import replies
from onport_queue.flight import (
    ANY_PRINT,
    Answer,
    Claim,
    Dead,
    Delivered,
    Fenced,
    Gate,
    Halve,
    Prints,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
)
from onport_queue.fold import Fragment, Run
from onport_queue.jobs import LinkJob
from onport_queue.ledger import AboutWorker, Stats
from onport_queue.names import DEFAULT_ACCOUNT, Kind, Lane, checked_name, job_key
from onport_queue.puts import JOBS_PER_PUT, PutBatch, PutReply
from onport_queue.replies import DeadLetter, Delivery, JobView, Replayed
from onport_queue.scripts import Reply, Scripts
from onport_queue.settings import Settings

PUT_ID_RETENTION_MS = 24 * 3600 * 1000
REPLICAS_BOUND_MS = 150
"""How long a put waits for the replicas; shorter than the client waits for its answer."""


class Queue:
    """The queue of one account.

    Every method is one atomic script, but for those that say so. All raise
    `redis.exceptions.RedisError` if Redis can't be reached or refuses; after a connection error or
    a time-out the outcome of `put` and `settle` is unknown, and repeating the call with the same
    put id or lease is safe.

    Args:
        redis: the broker; its replies are bytes.
        account: what shares one rate limit.
        history_retention_ms: how long delivered versions are known.
        replicas: how many must have a put before it returns.
    """

    def __init__(
        self,
        redis: Redis,
        account: str = DEFAULT_ACCOUNT,
        *,
        history_retention_ms: int = 30 * 86_400_000,
        replicas: int = 0,
    ) -> None:
        self.account = checked_name("account", account)
        self._replicas = replicas
        self._history_retention_ms = history_retention_ms
        self._scripts = Scripts(redis, f"onport-relay:{{{account}}}")

    @classmethod
    def of(cls, redis: Redis, settings: Settings) -> "Queue":
        """Return the queue of the settings' account."""
        return cls(
            redis,
            settings.account,
            history_retention_ms=round(settings.history_days * 86_400_000),
            replicas=settings.replicas,
        )

    def put(self, batch: PutBatch) -> PutReply:
        """Take jobs in, at most `JOBS_PER_PUT`. Once this returns, Redis has them.

        It refuses them (`OutOfMemoryError`) while more than 85 % of maxmemory are used. Too few
        replicas in time is a `redis.exceptions.TimeoutError`: the outcome is unknown.
        """
        if len(batch.jobs) > JOBS_PER_PUT:
            raise ValueError(f"a put takes at most {JOBS_PER_PUT} jobs, got {len(batch.jobs)}")
        versioned = batch.not_before_ms is None and any(
            job.version is not None for job in batch.jobs
        )
        arguments: list[str | bytes | int | float] = [
            batch.put_id,
            batch.kind,
            checked_name("channel", batch.channel),
            batch.lane or "",
            batch.mode,
            PUT_ID_RETENTION_MS,
            self._history_retention_ms,
            "" if batch.latest_ms is None else batch.latest_ms,
            int(batch.kept),
            "" if batch.not_before_ms is None else batch.not_before_ms,
            int(batch.skip_unchanged),
            int(versioned),
        ]
        for job in batch.jobs:
            arguments.append(job.key)
            if versioned:
                arguments.append("" if job.version is None else job.version)
            if isinstance(job, LinkJob):
                arguments.append(len(job.links))
                for link in job.links:
                    arguments += (link.id, link.body)
            else:
                arguments.append(job.body)
        return replies.put_reply(batch, self._put(arguments))

    def _put(self, arguments: Sequence[str | bytes | int | float]) -> list[Reply]:
        if not self._replicas:
            return replies.array(self._scripts.run("put", arguments))
        reply, reached = self._scripts.run_replicated(
            "put", arguments, replicas=self._replicas, timeout_ms=REPLICAS_BOUND_MS
        )
        if reached < self._replicas:
            raise RedisTimeoutError(
                f"{reached} of {self._replicas} replicas have it after {REPLICAS_BOUND_MS} ms"
            )
        return replies.array(reply)

    def claim(self, lane: Lane, gate: Gate, lease: str) -> Claim:
        """Take what may be sent now: a token and a batch, or the reason why not.

        Args:
            lane: a drain of the low one takes high work first.
            gate: what the worker may send, and how fast.
            lease: a new one, ``<process>:<random>``: by it a crash is told from its company. Under
                one that was settled nothing is granted.
        """
        return replies.claim(self._scripts.run("claim", _claim_arguments(lane, gate, lease)), lease)

    def renew(self, leases: Sequence[str], term_ms: int) -> frozenset[str]:
        """Give leases a new term; return those that were still held."""
        return frozenset(
            replies.text(lease)
            for lease in replies.array(self._scripts.run("renew", (term_ms, *leases)))
        )

    def settle(self, lease: str, settlement: Settlement) -> Settled | Fenced:
        """End a flight; an expired lease settles nothing. Repeated, it is answered again."""
        return replies.settled(self._scripts.run("settle", _settle_arguments(lease, settlement)))

    def settle_and_claim(
        self, lease: str, settlement: Settlement, lane: Lane, gate: Gate, next_lease: str
    ) -> tuple[Settled | Fenced, Claim]:
        """Settle, then claim, as these do; one round trip and one wait for the disk for both."""
        settle = _settle_arguments(lease, settlement)
        claim = _claim_arguments(lane, gate, next_lease)
        settled, claimed = replies.array(
            self._scripts.run("settle_and_claim", (len(settle), *settle, *claim))
        )
        return replies.settled(settled), replies.claim(claimed, next_lease)

    def release(self, lease: str, *, sent: bool) -> Settled | Fenced:
        """End a flight whose outcome is not known: all its jobs are pending again at once.

        Args:
            lease: also one that may not have been granted; then nothing is changed.
            sent: whether the request went out. Then it counts as an attempt, noted as ambiguous.
        """
        noted = ("ambiguous", "the worker stopped before it was answered") if sent else ("", "")
        arguments = (lease, Answer.NONE, int(sent), *noted, -1, "all", "released", 0, "")
        return replies.settled(self._scripts.run("settle", arguments))

    def look(
        self,
        lanes: Sequence[Lane],
        every_ms: int = 900,
        *,
        worker: str = "",
        version: str = "",
        wall_ms: int | None = None,
        prints: Prints = ANY_PRINT,
    ) -> tuple[Lane, ...]:
        """Promote what is due or expired; return lanes with work that nobody looked at just now.

        Args:
            lanes: that the worker serves.
            every_ms: a lane that was looked at more recently is left out, unless work was left
                there that whoever looked cannot send.
            worker: its name; empty: it is not noted as one that looks.
            version: of its program.
            wall_ms: its time of day.
            prints: the fingerprints it can send with.
        """
        about = AboutWorker(version=version, lanes=tuple(lanes), channels=tuple(prints))
        arguments: list[str | bytes | int | float] = [
            every_ms,
            worker,
            about.model_dump_json(),
            "" if wall_ms is None else wall_ms,
            len(lanes),
            *lanes,
            *_flat(prints),
        ]
        return replies.lanes(self._scripts.run("look", arguments))

    def leave(self, worker: str) -> bool:
        """Note that a worker looks no more; return whether it was known to."""
        return self._scripts.run("control", ("leave", worker)) == 1

    def salt(self) -> bytes:
        """Return the account's salt for fingerprints, the same for every worker."""
        return cast("bytes", self._scripts.run("control", ("salt", secrets.token_hex(16))))

    def epoch(self, ours: str = "") -> str:
        """Return the random name of the broker's data, the same for as long as it is kept.

        Args:
            ours: the one seen before. If it is another now, the broker came back without its data,
                and that is recorded for `stats` until `accept_loss`.
        """
        return replies.text(self._scripts.run("control", ("epoch", ours, secrets.token_hex(8))))

    def accept_loss(self) -> bool:
        """Note that the loss of the broker's data was dealt with; return whether there was one."""
        return self._scripts.run("control", ("accept_loss",)) == 1

    def pause(self, scope: str, seconds: float | None, reason: str) -> None:
        """Pause ``account``, ``lane:…``, ``channel:…`` or ``endpoint:…``; None is until resumed."""
        term_ms = 0 if seconds is None else max(1, round(seconds * 1000))
        self._scripts.run("control", ("pause", scope, term_ms, reason))

    def resume(self, scope: str = "") -> int:
        """End the pauses of a scope, or all, whatever their cause; return how many there were."""
        return replies.number(self._scripts.run("control", ("resume", scope)))

    def set_rate(self, rate: float | None) -> None:
        """Set the rate of all workers at run time; None is back to the configured one.

        What was learnt about the endpoint's limit is forgotten.

        Raises:
            ValueError: if it is not above 0: what should not run is paused.
        """
        if rate is not None and not 0 < rate < math.inf:
            raise ValueError(f"rate {rate}: expected requests/s above 0, or a pause instead")
        self._scripts.run("control", ("rate", "" if rate is None else rate))

    def stats(self) -> Stats:
        """Return one consistent look at everything."""
        return Stats.model_validate_json(cast("bytes", self._scripts.run("stats", ())))

    def show(self, kind: Kind, channel: str, key: str) -> JobView | None:
        """Return one job with its fragments, or None if the queue holds nothing of it."""
        full_key = job_key(kind, channel, key)
        reply = replies.array(self._scripts.run("show", (full_key,)))
        return replies.job_view(full_key, reply) if reply else None

    def states(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Return the states of jobs by their full keys, at most 500; empty where none is held.

        The states are ``pending``, ``in flight``, ``delayed`` and ``dead``.
        """
        reply = replies.array(self._scripts.run("states", _at_most(keys)))
        return tuple(replies.text(state) for state in reply)

    def delivered(self) -> Iterator[Delivery]:
        """Yield the last delivery of each key that the history has, in no order, page by page.

        One that is delivered again meanwhile may be told twice.
        """
        for generation in ("history", "history:old"):
            cursor = "0"
            while True:
                page = replies.array(
                    self._scripts.run("delivered", (generation, cursor, JOBS_PER_PUT))
                )
                yield from replies.deliveries(page[1:])
                cursor = replies.text(page[0])
                if cursor == "0":
                    break

    def dead(self, since_ms: int | None = None) -> Iterator[DeadLetter]:
        """Yield dead letters, those that died first first; pages are read as needed."""
        return chain.from_iterable(self.dead_pages(since_ms))

    def dead_pages(self, since_ms: int | None = None) -> Iterator[Iterable[DeadLetter]]:
        """Yield the same in the pages that are read, each when it comes.

        How long ago its letters died is said of the moment at which it was read.
        """
        cursor = ("", "")
        while True:
            arguments = ("" if since_ms is None else since_ms, *cursor, JOBS_PER_PUT)
            score, key, letters = replies.array(self._scripts.run("dead", arguments))
            yield map(replies.dead_letter, replies.array(letters))
            cursor = replies.text(score), replies.text(key)
            if cursor == ("", ""):
                return

    def replay(self, keys: Sequence[str]) -> Replayed:
        """Make dead letters pending, behind the live work of their lane; at most 500 keys."""
        replayed, wake = replies.array(self._scripts.run("replay", _at_most(keys)))
        return Replayed(replies.number(replayed), replies.lanes(wake))

    def discard(self, keys: Sequence[str]) -> int:
        """Drop dead letters for good; at most 500 keys. Returns how many were dead."""
        return replies.number(self._scripts.run("discard", _at_most(keys)))

    def forget(self, kind: Kind, channel: str, key: str) -> str:
        """Erase one job, what was put ahead for its key, and that it was ever delivered.

        What it held is counted as discarded. It takes several calls if very much was put ahead.

        Returns:
            The state it was in: ``pending``, ``delayed``, ``dead``; ``in flight`` if it is being
            sent, then nothing is changed; empty if the queue held no such job.
        """
        first, more = "", True
        while more:
            state, more_left = replies.array(
                self._scripts.run("forget", (job_key(kind, channel, key),))
            )
            first, more = first or replies.text(state), more_left == 1
        return first

    def compact(
        self, kind: Kind, channel: str, key: str, choose: Callable[[Sequence[Fragment]], Run | None]
    ) -> bool:
        """Fold a run of an overgrown job's partial fragments into one; return whether it was done.

        Args:
            kind, channel, key: the job.
            choose: given the fragments, picks the run to fold and its folded body, or None.
        """
        view = self.show(kind, channel, key)
        run = choose(view.fragments) if view and view.fragments else None
        if run is None:
            return False
        return (
            self._scripts.run(
                "compact",
                (job_key(kind, channel, key), run.first + 1, run.many, run.digest, run.body),
            )
            == 1
        )


def _flat(prints: Prints) -> Iterator[str]:
    for channel, its in prints.items():
        for one in its:
            yield channel
            yield one


def _at_most(keys: Sequence[str]) -> Sequence[str]:
    if len(keys) > JOBS_PER_PUT:
        raise ValueError(f"at most {JOBS_PER_PUT} keys at a time, got {len(keys)}")
    return keys


def _claim_arguments(lane: Lane, gate: Gate, lease: str) -> list[str | bytes | int | float]:
    return [
        lane,
        gate.rate,
        gate.burst,
        gate.floor,
        gate.batch_items,
        gate.batch_bytes,
        lease,
        gate.lease_ms,
        *_flat(gate.prints),
    ]


def _settle_arguments(lease: str, settlement: Settlement) -> list[str | bytes | int | float]:
    asked_ms = settlement.retry_after_ms
    arguments: list[str | bytes | int | float] = [
        lease,
        settlement.answer,
        int(settlement.sent),
        settlement.status,
        settlement.text,
        -1 if asked_ms is None else asked_ms,
    ]
    verdicts = settlement.verdicts
    if len(verdicts) > 1 and all(verdict == verdicts[0] for verdict in verdicts):
        return [*arguments, "all", *_verdict(verdicts[0]), len(verdicts)]
    for verdict in verdicts:
        arguments += _verdict(verdict)
    return arguments


def _verdict(verdict: Verdict) -> tuple[str, int]:
    match verdict:
        case Delivered():
            return "delivered", 0
        case Retry(delay_ms):
            return "retry", delay_ms
        case Released():
            return "released", 0
        case Halve():
            return "halve", 0
        case Dead():
            return "dead", 0
        case _:
            assert_never(verdict)
