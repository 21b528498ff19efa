"""Shoppers' data stays where it is kept, and a secret where it was given.

Everything is driven with marked data and marked secrets, at the level `debug`; then whatever was
written or answered is searched for them. Payloads may be in the structures of the queue that hold
jobs (and the answers about them), in the spool and in the outbox; a secret may be nowhere.
"""

import http.client
import json
import logging
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from redis import Redis
from tests.acceptance import marked
from tests.acceptance.echo import DENIED_HASH, Echo
from tests.acceptance.marked import PERSONAL, SECRET, found
from tests.acceptance.recorder import Recorder
from tests.acceptance.relay import Relay, running
from typer.testing import CliRunner

from onport_producers import Producer
from onport_producers.outbox import NewSale, Outbox, open_database
from onport_producers.outbox.database import create
from onport_queue.errors import BrokerUnavailableError, InvalidJobError
from onport_queue.jobs import Payload
from onport_queue.names import CELERY_KEY_PREFIX, FIGURES_VARIABLE, SCHEDULES_QUEUE, Lane
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_worker.cli.app import app
from onport_worker.embedded.address import choose_port
from onport_worker.fleet import (
    AlertsPlan,
    BeatPlan,
    Fleet,
    GatewayPlan,
    WorkerPlan,
    worker_environment,
)

ROOT = Path(__file__).parents[2]
NOWHERE = "redis://:{password}@127.0.0.1:1/0"
OF_JOBS = {"jobs", "waiting", "tries", "later:puts"}
"""The queue's structures that hold payloads, or what Onport answered to them."""

EVENTS = {
    *("started", "ready", "stopping", "stopped", "delivered", "attempt_failed", "job_given_up"),
    *("paused", "schedule_began", "schedule_ended", "schedule_failed", "drain_failed"),
    "thread_crashed",
}
SALES = ("good-1", "refused-1", "broken-1", "reset-1", "garbled-1")
CRASHING = """
import sys
from onport_worker.cli import app as command_line
@command_line.app.command("crash")
def crash() -> None:
    raise ValueError("{text}")
sys.argv[1:] = ["crash"]
command_line.main()
"""


@dataclass
class Evidence:
    """What was seen, by where."""

    texts: dict[str, str] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, text: object) -> None:
        self.texts[where] = f"{self.texts.get(where, '')}{text}\n"

    def note_stored(self, redis: Redis) -> None:
        for key, its in stored_by(redis).items():
            self.stored[key] = self.stored.get(key, b"") + its


def secrets() -> dict[str, object]:
    """Return a marked value for each secret that there is a setting for."""
    names = (
        name
        for name, its in Settings.model_fields.items()
        if SecretStr in (its.annotation, *get_args(its.annotation))
    )
    return {name: f"{SECRET}-{name}" for name in names}


def stored_by(redis: Redis) -> dict[str, bytes]:
    """Return what each key holds, whatever it is."""
    readers: dict[object, Callable[[bytes], object]] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": redis.xrange,
    }
    return {
        key.decode(): key + repr(readers[redis.type(key)](key)).encode()
        for key in redis.scan_iter(count=1_000)
    }


def put_in_this_process(relay: Relay, evidence: Evidence, home: Path) -> None:
    """Put what is sound, what is refused, and what finds no broker."""
    shop, password = relay.producer, urlsplit(str(relay.settings.redis_url)).password
    for key in SALES:
        evidence.add("receipts", shop.create_sale(marked.sale(key)))
    shop.create_sale(marked.sale("uk-1"), channel="uk")
    shop.import_products([marked.product("P1")])
    shop.acknowledge_variants([marked.link("A1")])
    shop.disconnect_variants([marked.link("D1")])
    strict = Producer(relay.settings.model_copy(update={"validation": "strict"}))
    away = {"redis_url": NOWHERE.format(password=password), "data_dir": home / "away"}
    unsheltered = Producer(relay.settings.model_copy(update=away | {"spool_mb": 0}))
    refused: list[tuple[Producer, Payload]] = [
        (shop, json.dumps(marked.sale("1")) + "oops"),
        (shop, marked.sale("1", lineItems=f"{PERSONAL}-lines")),
        (shop, marked.sale("1", customer=[PERSONAL])),
        (shop, marked.sale("1", extra={PERSONAL})),
        (strict, marked.sale("1", lineItems=[{"quantity": f"{PERSONAL}-many"}])),
        (unsheltered, marked.sale("1")),
    ]
    for each, payload in refused:
        with pytest.raises((InvalidJobError, BrokerUnavailableError)) as raised:
            each.create_sale(payload)
        evidence.add("errors", f"{raised.value} {raised.value!r}")
    spooling = Producer(relay.settings.model_copy(update=away))
    evidence.add("receipts", spooling.create_sale(marked.sale("spooled-1")))
    evidence.add("settings", f"{relay.settings!r} {relay.settings}")


def ask(port: int, evidence: Evidence) -> None:
    """Ask the gateway for everything it answers."""
    secret = f"{SECRET}-webhook_hash"
    sale, products = "manual-sale.json", "products.json"
    base = "/webhooks/custom-channels"
    whole = json.dumps(marked.sale("gateway-1"))
    requests = [
        (200, f"{base}/{sale}", whole, secret),
        (200, f"{base}/{products}", json.dumps([marked.product("G1")]), secret),
        (422, f"{base}/{sale}", whole + PERSONAL, secret),
        (422, f"{base}/{sale}", json.dumps(marked.sale("1", lineItems=PERSONAL)), secret),
        (422, f"{base}/{products}", json.dumps([marked.product("G2"), PERSONAL]), secret),
        (401, f"{base}/{sale}", whole, f"{secret}-wrong"),
        (404, f"/{PERSONAL}?email={PERSONAL}@example.org", whole, secret),
        (200, "/metrics", "", secret),
        (200, "/readyz", "", secret),
    ]
    for expected, path, body, given in requests:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"content-type": "application/json", "jetti-webhook-hash": given}
        connection.request("POST" if body else "GET", path, body or None, headers)
        answer = connection.getresponse()
        evidence.add("the gateway's answers", f"{answer.headers}{answer.read().decode()}")
        assert answer.status == expected, path
        connection.close()


def visit(port: int, evidence: Evidence) -> None:
    """Look at the page; of dead letters it shows what was answered."""
    base, headers = f"http://127.0.0.1:{port}/page/", {"x-onport-relay": "page"}
    with httpx.Client(base_url=base, headers=headers, timeout=10) as browser:
        for token, expected in ((f"{SECRET}-wrong", 403), (f"{SECRET}-page_token", 200)):
            entered = browser.post("session", content=token)
            assert entered.status_code == expected
            evidence.add("the page", f"{entered.headers} {entered.text}")
        with browser.stream("GET", "events") as events:
            picture = next(line for line in events.iter_lines() if line.startswith("data:"))
        evidence.add("the page", picture)
        letters = browser.get("letters", params={"account": "default"})
        assert "refused-1" in letters.text
        evidence.add("answers shown", letters.text)
        paused = {"account": "default", "scope": "lane:low", "seconds": 1}
        assert browser.post("pause", json=paused).status_code == 200


def command(evidence: Evidence, settings: Settings, *arguments: str, status: int) -> None:
    """Run a command; what `show` and `dead` say of an answer is Onport's, and asked for."""
    environment = worker_environment(settings)
    ours = {name: its for name, its in environment.items() if name.startswith(ENVIRONMENT_PREFIX)}
    done = CliRunner().invoke(app, arguments, env=ours, prog_name="onport-relay")
    assert done.exit_code == status, (arguments, done.output, done.exception)
    where = "answers shown" if arguments[0] in ("show", "dead") else "commands"
    evidence.add(where, done.output)


def run_commands(relay: Relay, evidence: Evidence, home: Path) -> None:
    """Run every command that tells of jobs."""
    file, dsn = home / "products.csv", f"sqlite:///{home}/shop.db"
    file.write_text(
        f"sku,title,inventoryQuantity\nF1,{PERSONAL},1\nF2,{PERSONAL}\nF3,{PERSONAL},{PERSONAL},1\n"
    )
    engine = open_database(dsn)
    create(engine)
    with engine.begin() as connection:
        Outbox(relay.settings).add(connection, NewSale(marked.sale("outbox-1")))
        Outbox(relay.settings).add(connection, NewSale(marked.sale("damaged-1")))
        connection.exec_driver_sql(
            f"UPDATE onport_relay_outbox SET put = '{PERSONAL}' || put WHERE key LIKE '%damaged-1'"
        )
    away = relay.settings.model_copy(update={"data_dir": home / "away"})
    command(evidence, relay.settings, "send", "products", str(file), status=2)
    command(evidence, relay.settings, "outbox", "pump", "--dsn", dsn, "--once", status=1)
    command(evidence, relay.settings, "outbox", "status", "--dsn", dsn, status=0)
    command(evidence, away, "spool", "status", status=0)
    command(evidence, away, "spool", "flush", status=0)
    command(evidence, relay.settings, "status", status=0)
    command(evidence, relay.settings, "status", "--json", status=0)
    command(evidence, relay.settings, "doctor", status=1)
    command(evidence, relay.settings, "delivered", "--since", "1h", status=0)
    command(evidence, relay.settings, "schedules", "history", status=0)
    command(evidence, relay.settings, "dead", "list", status=0)
    command(evidence, relay.settings, "show", "sale", "refused-1", status=0)
    command(evidence, relay.settings, "dead", "replay", "--all", status=0)


def crash(evidence: Evidence) -> None:
    """Let a command fail as it should not."""
    crashed = subprocess.run(
        [sys.executable, "-c", CRASHING.format(text=PERSONAL)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert crashed.returncode == 1
    assert "crashed error=ValueError" in crashed.stderr
    evidence.add("a crash", crashed.stdout + crashed.stderr)


def schedules() -> list[Mapping[str, object]]:
    boring: dict[str, object] = {"kind": "product", "every": "1s", "time_limit": "20s"}
    source = "python:tests.acceptance.indiscreet"
    return [
        boring | {"name": name, "source": f"{source}:{name}"} for name in ("products", "failing")
    ]


EVERYTHING = frozenset(
    ("good-1", "broken-1", "reset-1", "garbled-1", "P1", "A1", "scheduled", "scheduled-too")
)


def told(relay: Relay) -> list[dict[str, object]]:
    """Return every line that was logged: each is one event."""
    return [json.loads(line) for line in relay.log.read_text().splitlines()]


def is_told(relay: Relay, **facts: object) -> bool:
    return any(facts.items() <= line.items() for line in told(relay))


def messages(stored: Mapping[str, bytes]) -> list[bytes]:
    """Return what stands in Celery's queues."""
    return [its for key, its in stored.items() if key.startswith(CELERY_KEY_PREFIX)]


def drive(relay: Relay, echo: Echo, evidence: Evidence, home: Path) -> None:
    """Let everything happen that can happen to a job, and note what is seen of it."""
    port = choose_port(0, last=None)
    plans = (
        WorkerPlan("both", tuple(Lane), 4, app="tests.acceptance.indiscreet"),
        WorkerPlan("schedules", (SCHEDULES_QUEUE,), 2),
        *(BeatPlan(), GatewayPlan(port), AlertsPlan(every_s=0.2)),
    )
    put_in_this_process(relay, evidence, home)
    evidence.note_stored(relay.redis)
    with Fleet(relay.settings, plans, relay.log) as fleet:
        relay.wait_until(lambda: echo.accepted >= EVERYTHING, within_s=60)
        relay.wait_until(lambda: relay.queue.stats().dead == 1, within_s=20)
        for error in ("ArithmeticError", "FileNotFoundError", "LookupError"):
            relay.wait_until(partial(is_told, relay, error=error), within_s=20)
        ended = partial(is_told, relay, event="schedule_failed", schedule="failing")
        relay.wait_until(ended, within_s=20)
        relay.wait_until(partial(is_told, relay, event="alert_told"), within_s=20)
        for pid in fleet.pids:
            evidence.add("command lines", Path(f"/proc/{pid}/cmdline").read_text())
        ask(port, evidence)
        visit(port, evidence)
        relay.wait_until(partial(is_told, relay, event="page_paused"), within_s=20)
    run_commands(relay, evidence, home)
    crash(evidence)
    evidence.note_stored(relay.redis)
    evidence.add("workers.log", relay.log.read_text())
    evidence.add("the broker's log", (home / "broker" / "valkey.log").read_text())


@pytest.mark.timeout(240)
def test_shoppers_data_is_only_where_it_is_kept_and_secrets_are_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    # As in `up`: the gateway's page has the workers' figures too.
    monkeypatch.setenv(FIGURES_VARIABLE, str(figures := tmp_path / "figures"))
    figures.mkdir()
    for name in ("onport_producers", "onport_queue"):
        caplog.set_level(logging.DEBUG, logger=name)
    settings: dict[str, Any] = secrets() | {
        "log_level": "debug",
        "log_format": "json",
        "schedules": schedules(),
        "channels": {"uk": {"webhook_hash": f"{SECRET}-{DENIED_HASH}"}},
        "rate": 100.0,
    }
    evidence = Evidence()
    with Echo() as echo, Recorder(path=f"/services/{SECRET}") as alerted:
        settings |= {"base_url": echo.url, "alerts": {"webhook_url": alerted.url}}
        with running(tmp_path, **settings) as relay:
            drive(relay, echo, evidence, tmp_path)
        evidence.add("alerts", [request.body for request in alerted.requests])
    evidence.add("a shop's log", caplog.text)

    # What is searched is there, and what is searched for is found where it may be.
    assert {line["event"] for line in told(relay)} >= EVENTS
    assert "put_spooled" in caplog.text
    assert "onport_relay_worker_requests_total{" in evidence.texts["the gateway's answers"]
    assert messages(evidence.stored)
    assert all(evidence.texts.values())
    of_jobs = {relay.key(suffix) for suffix in OF_JOBS}
    holding = {key for key, its in evidence.stored.items() if found(its, marks=(PERSONAL,))}
    assert relay.key("jobs") in holding
    assert found(evidence.texts["answers shown"], marks=(PERSONAL,))

    password = str(urlsplit(str(relay.settings.redis_url)).password)
    assert holding <= of_jobs
    assert leaks({**evidence.stored, **evidence.texts}, SECRET, password) == {}
    del evidence.texts["answers shown"]
    assert leaks(evidence.texts, PERSONAL) == {}


def leaks(seen: Mapping[str, str | bytes], *marks: str) -> dict[str, list[str]]:
    """Return by its place what was found there."""
    return {place: those for place, text in seen.items() if (those := found(text, marks=marks))}


DISGUISED = [
    *(SECRET, quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET.encode())),
    *(b64encode(f"{before}{SECRET} and more".encode()).decode() for before in ("", "1", "22")),
]


@pytest.mark.parametrize("text", DISGUISED)
def test_what_is_searched_for_is_found_in_each_disguise(text: str) -> None:
    assert found(f"before {text} behind", marks=(SECRET,))
    assert not found("nothing of that kind", marks=(SECRET,))
