import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, update
from tests.worker.cli.conftest import Run

from onport_producers.outbox import NewSale, Outbox, open_database
from onport_producers.outbox.database import create
from onport_producers.outbox.rows import contents
from onport_producers.outbox.table import rows
from onport_queue.settings import load_settings
from onport_queue.store import Queue

SECRET = "hunter2"


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def engine(dsn: str) -> Iterator[Engine]:
    engine = open_database(dsn)
    create(engine)
    yield engine
    engine.dispose()


def add(engine: Engine, *keys: str, channel: str = "default") -> None:
    outbox = Outbox(load_settings(channels={"second": {}}))
    with engine.begin() as connection:
        for key in keys:
            outbox.add(connection, NewSale({"externalId": key}, channel=channel))


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return contents(connection).rows


def test_pump_once_hands_over_what_is_there(
    run: Run, engine: Engine, dsn: str, redis_client: redis.Redis
) -> None:
    add(engine, *map(str, range(120)))
    result = run("outbox", "pump", "--once", OUTBOX_DSN=dsn)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Handed over: 120 rows, 0 left.\n"
    assert Queue(redis_client).stats().pending == 120


def test_pump_once_says_that_the_broker_is_away_and_what_waits(
    run_alone: Run, engine: Engine, dsn: str
) -> None:
    add(engine, "1", "2")
    away = f"redis://:{SECRET}@127.0.0.1:1/0"
    result = run_alone("outbox", "pump", "--once", "--dsn", dsn, REDIS_URL=away)
    assert result.exit_code == 1
    assert result.stdout == "Handed over: 0 rows, 2 left.\n"
    assert "broker 127.0.0.1:1: " in result.stderr
    assert SECRET not in result.output


def test_pump_runs_until_it_is_told_to_stop(
    engine: Engine,
    dsn: str,
    broker_url: str,
    redis_client: redis.Redis,
    wait_until: Callable[..., None],
) -> None:
    command = [sys.executable, "-m", "onport_worker.cli", "outbox", "pump"]
    ours = {"ONPORT_RELAY_REDIS_URL": broker_url, "ONPORT_RELAY_OUTBOX_DSN": dsn}
    queue = Queue(redis_client)
    with subprocess.Popen(command, env=os.environ | ours, stdout=subprocess.PIPE) as process:
        try:
            for number in range(3):
                add(engine, str(number))
                wait_until(lambda: queue.stats().pending > number, within_s=20)  # noqa: B023
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Pumping  sqlite:///" in told
    assert b"Handed over: 3 rows, 0 left.\n" in told


def test_what_is_refused_is_shown_and_tried_again_when_told(
    run: Run, engine: Engine, dsn: str, redis_client: redis.Redis
) -> None:
    add(engine, "1", "2")
    in_the_way = "onport-relay:{default}:history"
    redis_client.set(in_the_way, "")
    result = run("outbox", "pump", "--once", OUTBOX_DSN=dsn)
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "Handed over: 0 rows, 0 left.\nRefused  row 1, sale:default:1: "
    )
    redis_client.delete(in_the_way)
    assert run("outbox", "status", OUTBOX_DSN=dsn).stdout.count("Refused  row ") == 2
    assert run("outbox", "pump", "--once", OUTBOX_DSN=dsn).exit_code == 1
    again = run("outbox", "pump", "--once", "--refused", OUTBOX_DSN=dsn)
    assert (again.exit_code, again.stdout) == (0, "Handed over: 2 rows, 0 left.\n")


def test_a_channel_goes_into_the_queue_of_its_account(
    run: Run, engine: Engine, dsn: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text('[channels.second]\naccount = "other"\n')
    add(engine, "1", channel="second")
    result = run("--config", str(config), "outbox", "pump", "--once", OUTBOX_DSN=dsn)
    assert result.exit_code == 0
    assert Queue(redis_client, "other").stats().pending == 1
    assert Queue(redis_client).stats().pending == 0


def test_a_channel_that_the_pump_does_not_know_is_set_aside(
    run: Run, engine: Engine, dsn: str
) -> None:
    add(engine, "1", channel="second")
    result = run("outbox", "pump", "--once", OUTBOX_DSN=dsn)
    assert result.exit_code == 1
    assert "row 1, sale:second:1: channel 'second' is not in the settings" in result.stdout


def test_status_needs_no_broker(run_alone: Run, engine: Engine, dsn: str) -> None:
    assert "Holds    nothing\n" in run_alone("outbox", "status", OUTBOX_DSN=dsn).stdout
    add(engine, "1", "2")
    told = run_alone("outbox", "status", OUTBOX_DSN=dsn).stdout
    assert f"Outbox   {dsn}\n" in told
    assert "Holds    2 rows, the oldest since " in told
    found = json.loads(run_alone("outbox", "status", "--json", OUTBOX_DSN=dsn).stdout)
    assert (found["rows"], found["refused_rows"], found["refused"]) == (2, 0, [])


def test_status_counts_what_it_does_not_show(run_alone: Run, engine: Engine, dsn: str) -> None:
    add(engine, *map(str, range(102)))
    with engine.begin() as connection:
        connection.execute(update(rows).values(refused="a reason"))
    told = run_alone("outbox", "status", OUTBOX_DSN=dsn).stdout
    assert told.count("Refused  row ") == 100
    assert "Refused  2 more\n" in told


def test_create_makes_the_table_once(run_alone: Run, dsn: str) -> None:
    missing = run_alone("outbox", "status", OUTBOX_DSN=dsn)
    assert missing.exit_code == 2
    assert "no table onport_relay_outbox; `onport-relay outbox create` makes it" in missing.stderr
    assert "made" in run_alone("outbox", "create", OUTBOX_DSN=dsn).stdout
    assert "was there" in run_alone("outbox", "create", OUTBOX_DSN=dsn).stdout
    assert run_alone("outbox", "status", OUTBOX_DSN=dsn).exit_code == 0


@pytest.mark.parametrize(("database", "word"), [("postgresql", "BIGINT"), ("sqlite", "INTEGER")])
def test_ddl_prints_what_makes_the_table(run_alone: Run, database: str, word: str) -> None:
    told = run_alone("outbox", "ddl", database).stdout
    assert told.startswith("CREATE TABLE IF NOT EXISTS onport_relay_outbox (")
    assert word in told


@pytest.mark.parametrize(
    ("dsn", "code", "told"),
    [
        (
            f"postgresql://shop:{SECRET}@127.0.0.1:1/shop",
            1,
            "database postgresql://127.0.0.1:1/shop: ",
        ),
        (f"postgresql://shop@127.0.0.1:{SECRET}/shop", 2, "dsn: expected postgresql://USER"),
        (f"postgresql://shop:a@{SECRET}@127.0.0.1/shop", 2, "dsn: more than one @; expected "),
        (f"postgresql://shop:a@b/{SECRET}@127.0.0.1/shop", 2, "dsn: more than one @; expected "),
        (f"postgresql://shop:a@{SECRET}?b@127.0.0.1/shop", 2, "dsn: more than one @; expected "),
        (f"mysql://shop:{SECRET}@127.0.0.1/shop", 2, "dsn: 'mysql' is not supported; expected "),
        (f"postgresql+pg8000://shop:{SECRET}@h/shop", 2, "dsn: the driver pg8000 is not installed"),
        (f"postgresql+nix://shop:{SECRET}@h/shop", 2, "dsn: 'postgresql+nix' is no driver"),
        (SECRET, 2, "dsn: expected postgresql://USER"),
    ],
)
@pytest.mark.parametrize("command", ["pump", "status", "create"])
def test_a_wrong_address_is_told_without_its_password(
    run: Run, command: str, dsn: str, code: int, told: str
) -> None:
    result = run("outbox", command, "--dsn", dsn)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert SECRET not in result.output


def test_clocks_that_differ_are_told(
    run: Run, engine: Engine, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del engine
    monkeypatch.setattr(redis.Redis, "time", lambda _: (1, 0))
    result = run("outbox", "pump", "--once", OUTBOX_DSN=dsn)
    assert "the database's clock is " in result.stderr
    assert " ahead of Redis's: " in result.stderr
