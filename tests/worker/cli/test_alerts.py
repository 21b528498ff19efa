import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from tests.acceptance.receiver import Receiver
from tests.worker.cli.conftest import Run, bury

from onport_queue.errors import SettingsError
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_worker.fleet import AlertsPlan, command_of, worker_environment

WaitUntil = Callable[..., None]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_a_look_at_a_relay_that_is_well_exits_0_and_tells_nobody(
    run: Run, receiver: Receiver
) -> None:
    result = run("alerts", "--once", ALERTS__WEBHOOK_URL=receiver.url)
    assert (result.exit_code, result.stdout) == (0, "Nothing is wrong.\n")
    assert receiver.got == []


def test_a_look_tells_what_is_news_and_exits_1_whether_it_was_told_before_or_not(
    run: Run, queue: Queue, receiver: Receiver
) -> None:
    bury(queue, "1001", channel="default")
    for _ in range(2):
        result = run("alerts", "--once", ALERTS__WEBHOOK_URL=receiver.url)
        assert result.exit_code == 1
        assert result.stdout.startswith("a sale is dead, not delivered, in channel default: 1001")
    assert receiver.told("dead_sale") == ["firing"]


def test_without_a_webhook_a_look_only_prints(run: Run, queue: Queue) -> None:
    bury(queue, "1001")
    result = run("alerts", "--once")
    assert result.exit_code == 1
    assert "1001 (422)" in result.stdout
    assert "set ONPORT_RELAY_ALERTS__WEBHOOK_URL, else nobody is told" in result.stderr


def test_each_account_is_looked_at(run: Run, redis_client: redis.Redis, receiver: Receiver) -> None:
    bury(Queue(redis_client, "us"), "7", channel="us")
    accounts = json.dumps({"us": {"account": "us"}})
    result = run("alerts", "--once", CHANNELS=accounts, ALERTS__WEBHOOK_URL=receiver.url)
    assert result.stdout.startswith("account us: a sale is dead")
    assert [one["account"] for one in receiver.got] == ["us"]


def test_a_broker_that_is_away_is_found_at_once(run_alone: Run, receiver: Receiver) -> None:
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0", "ALERTS__WEBHOOK_URL": receiver.url}
    result = run_alone("alerts", "--once", **nowhere)
    assert result.exit_code == 1
    assert receiver.told("broker_away") == ["firing"]


def test_a_trial_is_told_and_what_is_wrong_is_not(
    run: Run, queue: Queue, receiver: Receiver
) -> None:
    bury(queue, "1001")
    result = run("alerts", "--test", ALERTS__WEBHOOK_URL=receiver.url)
    assert (result.exit_code, result.stdout) == (0, "The webhook has taken a test.\n")
    assert [one["alert"] for one in receiver.got] == ["test"]


def test_a_trial_that_is_refused_exits_1_without_the_address(run: Run) -> None:
    with Receiver(status=404) as refusing:
        result = run("alerts", "--test", ALERTS__WEBHOOK_URL=refusing.url)
    assert result.exit_code == 1
    assert result.stderr == "onport-relay: webhook: answered 404, expected 2xx\n"


@pytest.mark.parametrize(
    ("arguments", "settings", "problem"),
    [
        ((), {}, "alerts.webhook_url: missing; set ONPORT_RELAY_ALERTS__WEBHOOK_URL"),
        (("--test",), {"ALERTS__WEBHOOK_URL": ""}, "alerts.webhook_url: missing"),
        (("--once", "--test"), {}, "--once and --test: expected one of them"),
        ((), {"ALERTS__WEBHOOK_URL": "http://hooks.example/T0KEN"}, "expected https, or http on "),
        ((), {"ALERTS__WEBHOOK_URL": "hooks.example/T0KEN"}, "expected an http(s) URL with a host"),
        ((), {"ALERTS__WEBHOOK_URL": "https://h:T0KEN/"}, "expected an http(s) URL with a host"),
        ((), {"ALERTS__WEBHOOK_URL": "https://[T0KEN/"}, "expected an http(s) URL with a host"),
    ],
)
def test_what_can_not_be_done_is_refused_without_the_address(
    run: Run, arguments: tuple[str, ...], settings: dict[str, str], problem: str
) -> None:
    result = run("alerts", *arguments, **settings)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "T0KEN" not in result.output


def test_where_http_is_allowed_the_webhook_may_have_none() -> None:
    url = "http://hooks.internal/T0KEN"
    with pytest.raises(SettingsError, match=r"^alerts\.webhook_url: expected https"):
        load_settings(alerts={"webhook_url": url})
    settings = load_settings(alerts={"webhook_url": url}, allow_http=True)
    assert settings.alerts.webhook_url is not None
    assert "T0KEN" not in repr(settings)


def test_the_doctor_says_whether_somebody_is_told(run: Run) -> None:
    without, with_one = run("doctor"), run("doctor", ALERTS__WEBHOOK_URL="https://a.example/T0KEN")
    assert "ok          alerts: off: nobody is told" in without.stdout
    assert "ok          alerts: a webhook is set" in with_one.stdout
    assert "T0KEN" not in with_one.output


def test_it_runs_until_it_is_told_to_stop(
    queue: Queue, broker_url: str, tmp_path: Path, receiver: Receiver, wait_until: WaitUntil
) -> None:
    settings = load_settings(
        redis_url=broker_url, data_dir=tmp_path, alerts={"webhook_url": receiver.url}
    )
    process = subprocess.Popen(
        command_of(AlertsPlan(every_s=0.2)),
        env=worker_environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        bury(queue, "1001")
        wait_until(lambda: receiver.told("dead_sale") == ["firing"], within_s=30)
        queue.discard(["sale:default:1001"])
        wait_until(lambda: receiver.told("dead_sale") == ["firing", "resolved"], within_s=30)
        process.send_signal(signal.SIGTERM)
        printed, logged = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert printed == "Alerts are told. Ctrl-C stops.\n"
    assert [line.partition("] ")[2].split()[:4:2] for line in logged.splitlines()] == [
        ["alert_told", "alert=dead_sale"],
        ["alert_told", "alert=dead_sale"],
    ]
    assert "T0KEN" not in printed + logged
