import os
from pathlib import Path

import pytest

from onport_queue.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from onport_worker.demo.stage import CONCURRENCY, READ_TIMEOUT_S, SECRET, plans, staged


@pytest.fixture(autouse=True)
def _an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those a test gives."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


def written(text: str) -> Path:
    path = Path("my.toml")
    path.write_text(text)
    return path


def on_stage(config: Path | None = None) -> Settings:
    return staged(load_settings(config), rate=25, home=Path("home"))


def test_what_the_file_says_is_used() -> None:
    config = written(
        'batch_items = 7\nlow_lane_share = 0.2\nmax_attempts = 3\nappendfsync = "no"\n'
        "concurrency = 5\nread_timeout_s = 4.0\n"
    )

    found = on_stage(config)

    assert (found.batch_items, found.low_lane_share, found.max_attempts) == (7, 0.2, 3)
    assert (found.appendfsync, found.concurrency, found.read_timeout_s) == ("no", 5, 4.0)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    config = written("batch_items = 7\nconcurrency = 5\n")
    monkeypatch.setenv("ONPORT_RELAY_CONCURRENCY", "6")

    found = on_stage(config)

    assert (found.batch_items, found.concurrency) == (7, 6)


def test_what_is_the_demonstrations_own_is_not_taken_from_the_file() -> None:
    config = written(
        'rate = 1.0\naccount = "shop"\nwebhook_hash = "real"\nproduct_key = ["name"]\n'
        'data_dir = "real"\n'
    )

    found = on_stage(config)

    assert (found.rate, found.account, found.product_key) == (25, "default", ("sku",))
    assert found.data_dir == Path("home")
    assert found.webhook_hash is not None
    assert found.webhook_hash.get_secret_value() == SECRET


def test_what_nobody_set_is_made_for_a_demonstration() -> None:
    found = on_stage()

    assert (found.concurrency, found.read_timeout_s) == (CONCURRENCY, READ_TIMEOUT_S)


@pytest.mark.parametrize(("concurrency", "threads"), [(1, [1, 1]), (8, [8, 8]), (24, [8, 24])])
def test_the_workers_have_the_threads_that_are_set(concurrency: int, threads: list[int]) -> None:
    assert [plan.concurrency for plan in plans(concurrency)] == threads
