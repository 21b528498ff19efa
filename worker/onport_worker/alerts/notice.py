"""What is posted: a notice for each piece of news, but one for all sales that die together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from onport_queue.told import State, Told
from onport_worker import __version__
from onport_worker.alerts.conditions import Alert, Condition, Subject
from onport_worker.alerts.news import Change, together
from onport_worker.alerts.words import SALES_NAMED, sentence, trouble

TEST = "test"
"""The alert that is none."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One POST, and the changes that are made by it."""

    account: str
    changes: tuple[Change, ...]
    told: tuple[Told, ...]

    @property
    def alert(self) -> str:
        """What sort it is of."""
        return self.told[0].alert

    @property
    def state(self) -> State:
        """Whether it has begun, lasts or is over."""
        return self.told[0].state

    def document(self) -> dict[str, Any]:
        """Return the body: ids and figures, and a line for a person that chats show."""
        subject = _subject(self.alert, [one.subject for one in self.told])
        since = datetime.fromtimestamp(min(one.since_ms for one in self.told) / 1000, UTC)
        return _document(self.alert, self.state, self.account, since, subject)


def notices(account: str, found: Iterable[Change]) -> Iterator[Notice]:
    """Yield what is to be posted of these changes; those that are told of nothing are left out."""
    news = [(change, change.told) for change in found if change.told is not None]
    for _, group in groupby(sorted(news, key=_of_one_notice), key=_of_one_notice):
        every, told = zip(*group, strict=True)
        yield Notice(account, every, told)


def said_of(condition: Condition) -> str:
    """Return what is wrong, for who looks for himself."""
    return trouble(condition.alert, _subject(condition.alert, [condition.subject]))


def trial_document(account: str, now: datetime) -> dict[str, Any]:
    """Return the body of a notice that says that nothing is wrong."""
    return _document(TEST, State.FIRING, account, now, {})


def _document(
    alert: str, state: State, account: str, since: datetime, subject: dict[str, Any]
) -> dict[str, Any]:
    return {
        "alert": alert,
        "state": state.value,
        "account": account,
        "since": since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "subject": subject,
        "text": sentence(alert, state, account, since, subject),
        "relay": __version__,
    }


def _of_one_notice(news: tuple[Change, Told]) -> tuple[str, str]:
    change, told = news
    return told.state, together(told.alert, told.subject, change.alert_id)


def _subject(alert: str, subjects: Sequence[Subject]) -> dict[str, Any]:
    if alert != Alert.DEAD_SALE:
        return dict(subjects[0])
    sales = [{"id": one["sale"], "status": one["status"]} for one in subjects]
    channel = subjects[0]["channel"]
    return {"channel": channel, "count": len(sales), "sales": sales[:SALES_NAMED]}
