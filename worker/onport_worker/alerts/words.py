"""What a notice says to a person: one line, of ids and figures."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onport_queue.names import DEFAULT_ACCOUNT
from onport_queue.picture.text import counted
from onport_queue.told import State

SALES_NAMED = 20
"""Of many sales that are dead so many are named."""

_ID_SHOWN = 80


def sentence(
    alert: str, state: State, account: str, since: datetime, subject: Mapping[str, Any]
) -> str:
    """Return the line that is posted; nothing in it is taken for a chat's markup."""
    of = "" if account == DEFAULT_ACCOUNT else f" ({account})"
    lasts = {
        State.FIRING: "",
        State.REPEATED: f" still, since {since:%Y-%m-%d %H:%M} UTC:",
        State.RESOLVED: f" OVER, after it began {since:%Y-%m-%d %H:%M} UTC:",
    }
    return _plain(f"Onport Relay{of}:{lasts[state]} {trouble(alert, subject)}")


def trouble(alert: str, subject: Mapping[str, Any]) -> str:
    """Return what is wrong."""
    if alert == "dead_sale":
        return _dead_sales(subject)
    counts = {f"{one}s": counted(subject.get(f"{one}s", 0), one) for one in ("put", "job")}
    return _LINES.get(alert, alert).format_map({**subject, **counts})


_LINES = {
    "channel_paused": "channel {channel} is paused, {reason}: Onport does not take its webhook "
    "hash. Nothing of it is sent until it is right",
    "stream_paused": "{kind} requests of channel {channel} are paused, {reason}: all are refused "
    "alike. None is sent until one is accepted",
    "outage": "Onport does not answer, or fails; one probe at a time. Nothing is lost",
    "throttled": "Onport has asked for a long pause (429). Nothing is lost",
    "ledger_off": "the ledger is off by {imbalance}: a defect of the relay, please report it",
    "broker_emptied": "Redis came back without its data. Put again what had not been delivered, "
    "then: onport-relay accept-loss",
    "broker_away": "Redis can't be reached from host {host}",
    "spool_in_use": "the spool of host {host} holds {puts} with {jobs}; Redis is {broker}",
    "spool_refused": "Redis refuses {puts} of host {host} for good, and they are set aside. See: "
    "onport-relay spool status",
    "spool_unusable": "on host {host}, {problem}",
    "test": "a test, nothing is wrong",
}


def _dead_sales(subject: Mapping[str, Any]) -> str:
    count, sales = subject["count"], subject["sales"]
    named = ", ".join(f"{sale['id'][:_ID_SHOWN]} ({sale['status']})" for sale in sales)
    more = f" and {count - len(sales):,} more" if count > len(sales) else ""
    many = "a sale is" if count == 1 else f"{count:,} sales are"
    of = f"{many} dead, not delivered, in channel {subject['channel']}"
    return f"{of}: {named}{more}. See: onport-relay dead list"


def _plain(text: str) -> str:
    # As Slack and those like it ask for: an id must neither ring all nor be a link.
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
