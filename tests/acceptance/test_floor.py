"""Producers work with the oldest libraries that they declare, beside workers with the newest.

RELAY_FLOOR_PYTHON names the Python of an environment that `.ci/floor DIRECTORY` has made.
"""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from statistics import median

import pytest
from tests.acceptance.relay import Relay, running

from onport_producers import State
from onport_worker.fleet import worker_environment

ROOT = Path(__file__).parents[2]
MEMBERS = ("queue", "producers")
ORDERS = 7
# Workers look for work once a second; who is woken comes sooner.
WOKEN_WITHIN_S = 0.3

SHOP = """
import sys
from onport_producers import Producer
relay = Producer.from_config()
for key in sys.stdin:
    print(relay.create_sale({"externalId": key.strip(), "lineItems": []}).state, flush=True)
"""
OF_EXTRAS = [
    f"--ignore=tests/producers/{part}" for part in ("gateway", "outbox", "test_exports.py")
]
"""What needs more than a checkout installs."""

VERSIONS = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def floor() -> Path:
    """The Python of an environment with the oldest libraries."""
    found = os.environ.get("RELAY_FLOOR_PYTHON")
    if found:
        return Path(found)
    message = "RELAY_FLOOR_PYTHON is not set; .ci/floor makes such an environment"
    if os.environ.get("RELAY_NO_SKIP") == "1":
        pytest.fail(f"{message}, and RELAY_NO_SKIP=1 allows no skip")
    pytest.skip(message)


def declared() -> dict[str, str]:
    """Return the lower bound of each library that a shop gets."""
    bounds: dict[str, str] = {}
    for member in MEMBERS:
        project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
        for requirement in project["dependencies"]:
            name = re.match(r"[\w-]+", requirement)
            bound = re.search(r">=([\d.]+)", requirement)
            assert name
            if not name[0].startswith("onport-"):
                assert bound, f"{requirement} has no lower bound"
                bounds[name[0]] = bound[1]
    return bounds


def release(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def test_the_floor_has_what_is_declared(floor: Path) -> None:
    bounds = declared()
    told = subprocess.run(
        [floor, "-c", VERSIONS, *bounds], capture_output=True, text=True, check=True
    )
    found = json.loads(told.stdout)
    print(found)
    assert {name: release(version) for name, version in found.items()} == {
        name: release(bound) for name, bound in bounds.items()
    }


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_the_producers_tests_pass_at_the_floor(floor: Path) -> None:
    tested = subprocess.run(
        [floor, "-m", "pytest", "tests/producers", "-q", "-p", "no:cacheprovider", *OF_EXTRAS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(tested.stdout.splitlines()[-1])
    assert tested.returncode == 0, tested.stdout


def test_a_wake_up_from_the_floor_reaches_a_worker(tmp_path: Path, floor: Path) -> None:
    with running(tmp_path) as relay:
        relay.start_workers()
        with subprocess.Popen(
            [floor, "-c", SHOP],
            env=worker_environment(relay.settings),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as shop:
            waits = [delivered_within(relay, shop, f"order-{each}") for each in range(ORDERS)]
        print(f"delivered {median(waits):.2f} s after the put in the median")
        assert median(waits) < WOKEN_WITHIN_S


def delivered_within(relay: Relay, shop: "subprocess.Popen[str]", key: str) -> float:
    """Let the shop put an order; return after how long it was delivered."""
    assert shop.stdin
    assert shop.stdout
    relay.run_for(0.4)  # until nobody attends to the lane any more
    shop.stdin.write(f"{key}\n")
    shop.stdin.flush()
    assert shop.stdout.readline().strip() == State.PENDING
    return relay.wait_until(lambda: relay.applied()[key] == 1, within_s=5)
