"""Killing pumps at any point loses no committed row and sends no rolled-back one.

RELAY_PUMP_KILLS says how often; it is the twenty times that the promise is worded for by default.
"""

import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.acceptance.accounting import account
from tests.acceptance.history import read_history
from tests.acceptance.relay import HASH, Relay, running
from tests.acceptance.staff import Hire, Staff
from tests.postgres import PostgresServer

from onport_producers.outbox import open_database
from onport_producers.outbox.database import create
from onport_producers.outbox.rows import contents
from onport_queue.settings import ENVIRONMENT_PREFIX
from onport_sandbox import SandboxSettings

KILLS = int(os.environ.get("RELAY_PUMP_KILLS", "20"))
SEED = int(os.environ.get("RELAY_SEED", "1"))
ROOT = Path(__file__).parents[2]
PUMPS = 2
TRANSACTIONS_PER_S = 100.0
# A pump needs about a second until its first row: kills come before and after.
LONGEST_LIFE_S = 2.5

pytestmark = pytest.mark.timeout(240 + KILLS * 10)


@pytest.fixture(params=["sqlite", "postgresql"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database(f"shop_{secrets.token_hex(6)}")


def environment(relay: Relay, dsn: str) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    ours = {"REDIS_URL": relay.settings.redis_url or "", "OUTBOX_DSN": dsn}
    return inherited | {f"{ENVIRONMENT_PREFIX}{name}": value for name, value in ours.items()}


def pumps(relay: Relay, dsn: str) -> Hire:
    def hire(seat: int, incarnation: int) -> "subprocess.Popen[bytes]":
        del incarnation
        with (relay.home / f"pump-{seat}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "onport_worker.cli", "outbox", "pump"],
                cwd=relay.home,
                env=environment(relay, dsn),
                stdout=log,
                stderr=log,
            )

    return hire


def order_desk(relay: Relay, dsn: str, history: Path) -> "subprocess.Popen[bytes]":
    options = ["--seed", str(SEED), "--rate", str(TRANSACTIONS_PER_S)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.order_desk", dsn, history, *options],
        cwd=ROOT,
        env=environment(relay, dsn),
    )


def left(engine: Engine) -> int:
    with engine.connect() as connection:
        found = contents(connection)
    assert found.refused == ()
    return found.rows


def test_killing_pumps_loses_no_committed_row_and_sends_no_rolled_back_one(
    dsn: str, tmp_path: Path
) -> None:
    engine, history, chance = open_database(dsn), tmp_path / "history.jsonl", random.Random(SEED)
    create(engine)
    answers = SandboxSettings(hashes={"default": HASH}, latency_ms=10)
    with running(tmp_path, answers, rate=500.0) as relay:
        relay.start_workers()
        desk = order_desk(relay, dsn, history)
        try:
            with Staff(PUMPS, pumps(relay, dsn)) as staff:
                for _ in range(KILLS):
                    relay.run_for(chance.uniform(0, LONGEST_LIFE_S))
                    staff.signal(chance, signal.SIGKILL)
                    staff.replace_ended()
                desk.terminate()
                assert desk.wait(20) == 0
                took = relay.wait_until(lambda: left(engine) == 0, within_s=120)
                staff.replace_ended()
                assert staff.ended_by_itself == []
        finally:
            desk.kill()
            desk.wait()
        engine.dispose()
        relay.wait_until(relay.is_done, within_s=120)

        entries, stats = read_history(history), relay.queue.stats()
        told = Counter(word.value for _, word in entries)
        ledger = stats.ledger
        verdict = account([entries], relay.receipts(), relay.held())
        print(
            f"seed {SEED}: {KILLS} kills, {told['acknowledged']:,} jobs committed, "
            f"{told['refused']:,} rolled back, {ledger.duplicate:,} of {ledger.accepted:,} puts "
            f"were repetitions; lost {len(verdict.lost)}, unexpected {len(verdict.unexpected)}, "
            f"stale {len(verdict.stale)}; the outbox was empty {took:.1f} s after the last order"
        )
        assert verdict.faults == ()
        assert verdict.acknowledged == ledger.accepted - ledger.duplicate
        assert told["refused"] > 0
        assert (stats.dead, stats.imbalance) == (0, 0)
