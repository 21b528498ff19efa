"""The page in a real Chromium."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.support.ui import Select
from tests.acceptance.gateway_process import GatewayProcess
from tests.acceptance.proxy import Proxy
from tests.browser.browser import Browser
from tests.browser.clerk import Clerk
from tests.browser.conftest import TOKEN
from tests.browser.situations import HOSTILE, SITUATIONS, finish
from tests.worker.cli.conftest import put

from onport_queue.clock import SystemClock
from onport_queue.flight import Dead
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue

SAYS = {
    "nothing-pending": "Everything is delivered",
    "100000-pending": "Catalogue import finishes",
    "long-names": HOSTILE,
    "outage": "The endpoint has failed for",
}

WaitUntil = Callable[[Callable[[], bool]], None]


def test_the_link_s_token_is_gone_once_the_page_is_open(page: Browser) -> None:
    page.wait_for_text("Nothing has been put yet", ".headline")

    assert TOKEN not in page.driver.current_url
    (cookie,) = page.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/page")
    assert TOKEN not in json.dumps(cookie)
    assert page.complaints() == []


def test_without_the_token_nothing_is_shown_and_with_it_all(
    gateway: GatewayProcess, browser: Browser, queue: Queue
) -> None:
    put(queue, "1")
    browser.visit(f"{gateway.url}/")
    browser.find("#token").send_keys("not-the-token-of-the-page")
    browser.press("Open the page")
    browser.wait_for_text("That is not the page's token.")
    assert browser.text("#account") == ""

    browser.find("#token").clear()
    browser.find("#token").send_keys(TOKEN)
    browser.press("Open the page")

    browser.wait_for_text("1", ".lane.high .count")
    browser.press("Sign out", ".bar")
    browser.find("#token")
    assert browser.text("#account") == ""


def test_numbers_change_while_one_looks(page: Browser, queue: Queue, settings: Settings) -> None:
    put(queue, *map(str, range(300)), kind=Kind.PRODUCT, lane=Lane.LOW)
    page.wait_for_text("300", ".lane.low .count")
    page.wait_for_text("300 jobs held up", ".forecast")

    with Clerk(queue, settings):
        page.wait_for_text("Everything is delivered", ".headline")

    assert page.text(".lane.low .count") == "0"
    assert "300" in page.text(".facts")
    assert page.complaints() == []


def test_a_dead_letter_is_shown_with_its_answer_and_sent_again(
    page: Browser, queue: Queue, settings: Settings, wait_until: WaitUntil
) -> None:
    put(queue, "1001", body=b'{"customer": "Ada"}')
    finish(queue, settings, Dead(), "422", "no such variant")
    page.wait_for_text("sale:default:1001", ".letters")
    assert "422" in page.text(".letters")
    assert "no such variant" in page.text(".letters")
    assert "Ada" not in page.driver.page_source

    page.press("Replay sale:default:1001")

    page.wait_for_text("1 dead letter will be sent again.")
    wait_until(lambda: queue.stats().pending == 1)
    page.wait_for_text("None: nothing was given up.")
    assert page.complaints() == []


def test_what_is_discarded_is_asked_for_first(
    page: Browser, queue: Queue, settings: Settings, wait_until: WaitUntil
) -> None:
    put(queue, "1", "2")
    put(queue, "3", kind=Kind.PRODUCT, lane=Lane.LOW)
    finish(queue, settings, Dead(), "422", "no")
    page.wait_for_text("3", ".dead h3")
    page.find(".filters select").send_keys("sale")
    page.press("Discard all 2")
    page.wait_for_text("Discard 2 dead letters?", "dialog[open]")
    page.press("Cancel", "dialog[open]")
    assert queue.stats().dead == 3

    page.press("Discard all 2")
    page.press("Discard", "dialog[open]")

    page.wait_for_text("2 dead letters discarded.")
    assert [letter.key for letter in queue.dead()] == ["product:default:3"]
    wait_until(lambda: "product:default:3" not in page.text(".letters"))


def test_all_are_those_that_the_filters_say_also_when_they_change_while_letters_load(
    page: Browser, queue: Queue, settings: Settings, wait_until: WaitUntil
) -> None:
    put(queue, "1", "2")
    put(queue, "3", kind=Kind.PRODUCT, lane=Lane.LOW)
    finish(queue, settings, Dead(), "422", "no")
    page.wait_for_text("Discard all 3", ".dead")
    page.driver.execute_script("""
        const ask = window.fetch;
        const gate = new Promise((open) => { window.letLettersCome = open; });
        window.lettersAsked = 0;
        window.fetch = async (path, options) => {
          const answer = await ask(path, options);
          if (path.startsWith("page/letters")) { window.lettersAsked += 1; await gate; }
          return answer;
        };
    """)
    kinds = Select(page.find(".filters select"))
    kinds.select_by_value("sale")
    wait_until(lambda: page.driver.execute_script("return window.lettersAsked") == 1)
    kinds.select_by_value("product")
    both = page.driver.find_elements("css selector", ".dead .tools button")
    assert [button.is_enabled() for button in both] == [False, False]

    page.driver.execute_script("window.letLettersCome()")

    page.wait_for_text("Discard all 1", ".dead")
    wait_until(lambda: all(button.is_enabled() for button in both))
    page.press("Discard all 1")
    page.press("Discard", "dialog[open]")
    page.wait_for_text("1 dead letter discarded.")
    assert {letter.key for letter in queue.dead()} == {"sale:default:1", "sale:default:2"}


def test_a_lane_is_paused_and_resumed(page: Browser, queue: Queue, wait_until: WaitUntil) -> None:
    page.press("Pause")
    page.find("#pause-scope").send_keys("the low lane")
    page.find("#pause-reason").send_keys("prices are wrong")
    page.press("Pause", "dialog[open]")
    page.wait_for_text("The low lane, prices are wrong (by an operator): until resumed", ".notices")
    assert [pause.scope for pause in queue.stats().pauses] == ["lane:low"]

    page.press("Resume")

    page.wait_for_text("1 pause ended.")
    wait_until(lambda: not queue.stats().pauses)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_in_every_situation_it_fits_a_telephone_and_a_desk(
    page: Browser, queue: Queue, settings: Settings, situation: str
) -> None:
    with SITUATIONS[situation](queue, settings):
        page.wait_for_text(SAYS[situation], ".account")
        for width in (375, 1440):
            page.resize(width)
            assert page.overflow_px() == 0, width
        assert page.driver.title.endswith("Onport Relay")
        assert page.complaints() == []


def test_what_others_wrote_is_text_and_nothing_else(
    page: Browser, queue: Queue, settings: Settings
) -> None:
    put(queue, HOSTILE)
    finish(queue, settings, Dead(), "422", HOSTILE)
    queue.pause("account", None, HOSTILE)

    page.wait_for_text(f"sale:default:{HOSTILE}", ".letters")
    page.wait_for_text(HOSTILE, ".notices")

    assert page.driver.title in ("Paused · Onport Relay", "No worker · Onport Relay")
    assert page.complaints() == []


def test_a_gateway_that_is_watched_ends_at_once_and_the_page_goes_on_with_the_next(
    settings: Settings, browser: Browser, tmp_path: Path
) -> None:
    log, clock = tmp_path / "gateway.log", SystemClock()
    with GatewayProcess(settings, log=log) as gateway:
        browser.visit(f"{gateway.url}/#token={TOKEN}")
        browser.find(".headline")
        began = clock.monotonic_s()
        assert gateway.stop() == 0
        # With a stream it would wait for ten.
        assert clock.monotonic_s() - began < 8
        browser.wait_for_text("no connection", ".live")
        with GatewayProcess(settings, port=gateway.port, log=log):
            browser.wait_for_text(":", ".live")
    assert "Traceback" not in log.read_text()
    assert TOKEN not in log.read_text()


def test_while_the_broker_is_away_the_page_says_so_and_keeps_what_it_saw(
    settings: Settings, browser: Browser, queue: Queue, tmp_path: Path, broker_url: str
) -> None:
    put(queue, "1", "2")
    port = int(broker_url.rpartition(":")[2].partition("/")[0])
    with Proxy(port) as proxy:
        url = broker_url.replace(f":{port}/", f":{proxy.port}/")
        behind = settings.model_copy(update={"redis_url": url})
        with GatewayProcess(behind, log=tmp_path / "gateway.log") as gateway:
            browser.visit(f"{gateway.url}/#token={TOKEN}")
            browser.wait_for_text("2", ".lane.high .count")

            proxy.refuse()

            browser.wait_for_text("Broker away", ".pill")
            assert browser.text(".lane.high .count") == "2"
            assert not browser.find(".hero button").is_enabled()
            proxy.listen()
            browser.wait_for_text("No worker", ".pill")
