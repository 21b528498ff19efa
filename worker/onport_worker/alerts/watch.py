"""Watching one account, and telling the webhook what is news."""

from collections.abc import Iterator
from datetime import datetime

from redis import Redis
from redis.exceptions import RedisError

from onport_producers.spool import Spool
from onport_queue.clock import Clock
from onport_queue.errors import NewerFormatError, SpoolError
from onport_queue.log import Log
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_queue.told import RedisToldBook, State
from onport_worker.alerts.book import SharedBook
from onport_worker.alerts.conditions import (
    AWAY_LASTS,
    OF_QUEUE,
    Alert,
    Condition,
    of_broker,
    of_queue,
    of_spool,
    of_unusable_spool,
)
from onport_worker.alerts.dead_sales import DeadSales
from onport_worker.alerts.news import Change, Sight, changes
from onport_worker.alerts.notice import Notice, notices
from onport_worker.alerts.webhook import Webhook, WebhookError

_log = Log(__name__)


class Watch:
    """Looks at an account's queue and at this host's spool.

    Args:
        settings: of the account.
        redis: the broker.
        webhook: told what is news; None: nobody is.
        clock: of this host.
        host: its name.
        tells_of_broker: whether it is this watch, of those of a host, that tells of a broker that
            is away.
    """

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        webhook: Webhook | None,
        clock: Clock,
        *,
        host: str,
        tells_of_broker: bool,
    ) -> None:
        self._account = settings.account
        self._queue = Queue.of(redis, settings)
        self._dead_sales = DeadSales(self._queue, clock)
        self._spool = Spool.of(settings, clock) if settings.spool_mb else None
        self._book = SharedBook(RedisToldBook(redis, settings.account))
        self._webhook = webhook
        self._clock = clock
        self._host = host
        self._tells_of_broker = tells_of_broker
        self._away_since: datetime | None = None

    def look(self, *, at_once: bool = False) -> tuple[Condition, ...]:
        """Return what is wrong, after the webhook was told what of it is news.

        What could not be told is told later.

        Args:
            at_once: a broker that is away is not given the time to come back.

        Raises:
            NewerFormatError: a newer release has written the queue.
        """
        sight = self._sight(at_once=at_once)
        if self._webhook is not None:
            self._tell(self._webhook, sight)
        return tuple(sight.conditions)

    def close(self) -> None:
        """Close the spool's file."""
        if self._spool is not None:
            self._spool.close()

    def _sight(self, *, at_once: bool) -> Sight:
        now, known = self._clock.wall(), set[Alert]()
        found: list[Condition] = []
        try:
            found += of_queue(self._queue.stats(), self._dead_sales.look(), now)
            known |= OF_QUEUE
            self._away_since = None
        except NewerFormatError:
            raise
        except RedisError:
            self._away_since = self._away_since or now
        if self._tells_of_broker:
            known.add(Alert.BROKER_AWAY)
            if self._away_since and (at_once or now - self._away_since >= AWAY_LASTS):
                found.append(of_broker(self._away_since, self._host))
        found += self._of_spool(known, now)
        return Sight(found, frozenset(known), self._host)

    def _of_spool(self, known: set[Alert], now: datetime) -> Iterator[Condition]:
        if self._spool is None:
            return
        known.add(Alert.SPOOL_UNUSABLE)
        try:
            contents = self._spool.contents()
        except SpoolError as error:
            yield of_unusable_spool(str(error), self._host, now)
            return
        known |= {Alert.SPOOL_IN_USE, Alert.SPOOL_REFUSED}
        yield from of_spool(contents, self._host, now, away=self._away_since is not None)

    def _tell(self, webhook: Webhook, sight: Sight) -> None:
        found = list(changes(self._book.read(), sight, self._clock.wall()))
        for change in found:
            if change.told is None:
                self._book.replace(change.alert_id, None)
        for notice in notices(self._account, found):
            # Taken first, so that of several processes one tells it.
            ours = tuple(
                one for one in notice.changes if self._book.replace(one.alert_id, one.told)
            )
            if not ours:
                continue
            try:
                self._post(webhook, next(notices(self._account, ours)))
            except WebhookError as error:
                about = {"alert": notice.alert, "state": notice.state}
                _log.error("alert_not_told", **about, error=str(error))
                self._note(ours, str(error))
                return  # it would not take the others either; all are told later

    def _post(self, webhook: Webhook, notice: Notice) -> None:
        webhook.post(notice.document())
        for change, told in zip(notice.changes, notice.told, strict=True):
            is_over = told.state is State.RESOLVED
            after = None if is_over else told.model_copy(update={"sent": True, "problem": ""})
            self._book.replace(change.alert_id, after)
        about = {"alert": notice.alert, "state": notice.state}
        _log.warning("alert_told", **about, account=self._account)

    def _note(self, changes: tuple[Change, ...], problem: str) -> None:
        """Write down why they could not be told, for `doctor`."""
        for change in changes:
            if change.told is not None:
                failed = change.told.model_copy(update={"problem": problem})
                self._book.replace(change.alert_id, failed)
