from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr
from tests.acceptance.gateway_process import GatewayProcess
from tests.browser.browser import Browser, opened_browser

from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue

TOKEN = "the-token-of-the-page"


@pytest.fixture(scope="session")
def one_browser(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], Path]
) -> Iterator[Browser]:
    chromium, chromedriver = require_tool("chromium"), require_tool("chromedriver")
    with opened_browser(chromium, chromedriver, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """A browser that nobody has used, on a screen of a usual size."""
    one_browser.forget()
    one_browser.resize(1440)
    one_browser.complaints()
    yield one_browser
    one_browser.driver.get("about:blank")


@pytest.fixture(scope="session")
def settings(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(
        redis_url=broker_url,
        rate=50,
        webhook_hash=SecretStr("the-right-hash"),
        page_token=SecretStr(TOKEN),
        data_dir=tmp_path_factory.mktemp("gateway"),
        channels={"uk": {}, "the-channel-with-a-name-that-is-as-long-as-a-name-is-let-be-63": {}},
    )


@pytest.fixture(scope="session")
def gateway(settings: Settings) -> Iterator[GatewayProcess]:
    with GatewayProcess(settings, log=settings.data_dir / "gateway.log") as gateway:
        yield gateway


@pytest.fixture
def queue(redis_client: redis.Redis, settings: Settings) -> Queue:
    return Queue.of(redis_client, settings)


@pytest.fixture
def page(gateway: GatewayProcess, browser: Browser, queue: Queue) -> Browser:
    """A browser that has the page open, of a relay that has nothing yet."""
    del queue  # it empties the broker
    browser.visit(f"{gateway.url}/#token={TOKEN}")
    browser.find(".headline")
    return browser
