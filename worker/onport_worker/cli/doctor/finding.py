"""What `doctor` finds, each a line."""

from dataclasses import dataclass
from enum import StrEnum

from onport_queue.names import DEFAULT_ACCOUNT


class Level(StrEnum):
    """How a finding is meant; the gravest first."""

    FAULT = "fault"
    WARNING = "warning"
    CANNOT_TELL = "cannot tell"
    OK = "ok"


class Ailment(StrEnum):
    """What can be wrong; docs/troubleshooting.md has a line for each."""

    SETTINGS_INVALID = "settings-invalid"
    HASH_MISSING = "hash-missing"
    SOURCE_MISSING = "source-missing"
    SPOOL_DOUBTFUL = "spool-doubtful"
    SPOOL_BROKEN = "spool-broken"
    SPOOL_HOLDING = "spool-holding"
    SPOOL_REFUSED = "spool-refused"
    DISK_NEARLY_FULL = "disk-nearly-full"
    ENDPOINT_UNREACHABLE = "endpoint-unreachable"
    GATEWAY_SILENT = "gateway-silent"
    BROKER_MISSING = "broker-missing"
    BROKER_UNREACHABLE = "broker-unreachable"
    BROKER_SECRETIVE = "broker-secretive"
    BROKER_OLD = "broker-old"
    BROKER_CLUSTER = "broker-cluster"
    BROKER_REPLICA = "broker-replica"
    BROKER_EMPTIED = "broker-emptied"
    APPENDONLY = "appendonly"
    APPENDFSYNC = "appendfsync"
    MAXMEMORY_POLICY = "maxmemory-policy"
    MEMORY_NEARLY_FULL = "memory-nearly-full"
    SCRIPTS_FAIL = "scripts-fail"
    FORMAT_NEWER = "format-newer"
    CLOCK_SKEW = "clock-skew"
    NO_WORKER = "no-worker"
    LANE_UNATTENDED = "lane-unattended"
    CHANNEL_UNATTENDED = "channel-unattended"
    WORKER_LOST = "worker-lost"
    WORKER_CLOCK_SKEW = "worker-clock-skew"
    VERSION_SKEW = "version-skew"
    LEASE_OVERDUE = "lease-overdue"
    NO_BEAT = "no-beat"
    RUN_WAITING = "run-waiting"
    RUN_FAILED = "run-failed"
    IMBALANCE = "imbalance"
    DEAD_LETTERS = "dead-letters"
    SALES_LATE = "sales-late"
    OUTAGE = "outage"
    REFUSED = "refused"
    PAUSE_FORGOTTEN = "pause-forgotten"
    ALERT_UNTOLD = "alert-untold"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was seen, and what to do about it.

    Attributes:
        level: how it is meant.
        name: the ailment, or of what is well its name.
        text: what was seen.
        advice: a command or a setting; empty if nothing is to be done.
    """

    level: Level
    name: str
    text: str
    advice: str = ""


def well(name: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.OK, name, text)


def fault(ailment: Ailment, text: str, advice: str) -> Finding:
    """Return that something is wrong now."""
    return Finding(Level.FAULT, ailment, text, advice)


def warning(ailment: Ailment, text: str, advice: str) -> Finding:
    """Return that something may be meant so, or will be wrong."""
    return Finding(Level.WARNING, ailment, text, advice)


def of_account(account: str, text: str) -> str:
    """Return a text that names its account, where there may be several."""
    return text if account == DEFAULT_ACCOUNT else f"account {account}: {text}"


def with_account(account: str, command: str) -> str:
    """Return a command of ours for an account."""
    option = "" if account == DEFAULT_ACCOUNT else f"--account {account} "
    return f"onport-relay {option}{command}"
