"""Pictures of the page in every situation, on two screens, light and dark.

    python -m tests.browser.screenshots FOLDER [PART-OF-A-NAME]

Needs the Debian packages chromium and chromium-driver. Those in docs/ are made so:

    python -m tests.browser.screenshots docs/images 100000-pending-1440-light
    python -m tests.browser.screenshots docs/images outage-375-dark
"""

import argparse
import itertools
import shutil
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from tests.acceptance.gateway_process import GatewayProcess
from tests.browser.browser import Browser, opened_browser
from tests.browser.situations import SITUATIONS, with_long_names

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

TOKEN = "of-a-picture-only"
WIDTHS = (375, 1440)
SCHEMES = ("light", "dark")
_RUNS_FOR_S = 20.0
_SETTLES_S = 1.5


def names(part: str) -> list[tuple[str, int, str]]:
    """Return what is to be taken."""
    every = itertools.product(SITUATIONS, WIDTHS, SCHEMES)
    return [one for one in every if part in "-".join(map(str, one))]


def take(browser: Browser, home: Path, folder: Path, part: str) -> None:
    """Take all pictures whose name has that part."""
    chosen = names(part)
    for situation, group in itertools.groupby(chosen, key=lambda one: one[0]):
        with EmbeddedBroker(home / situation, appendfsync="no") as broker:
            settings = load_settings(
                redis_url=broker.url,
                rate=10,
                webhook_hash=SecretStr("of-a-picture"),
                page_token=SecretStr(TOKEN),
                data_dir=home / situation,
            )
            if situation == "long-names":
                settings = with_long_names(settings)
            _take(browser, settings, folder, list(group))


def _take(
    browser: Browser, settings: Settings, folder: Path, group: list[tuple[str, int, str]]
) -> None:
    clock, never = SystemClock(), threading.Event()
    with (
        connect(settings.redis_url or "") as redis,
        GatewayProcess(settings, log=settings.data_dir / "gateway.log") as gateway,
        SITUATIONS[group[0][0]](Queue.of(redis, settings), settings),
    ):
        browser.visit(f"{gateway.url}/#token={TOKEN}")
        browser.find(".headline")
        clock.wait(never, _RUNS_FOR_S)
        for situation, width, scheme in group:
            browser.prefer(scheme)
            browser.resize(width)
            clock.wait(never, _SETTLES_S)
            file = folder / f"{situation}-{width}-{scheme}.png"
            browser.photograph(file)
            print(f"{file}: {file.stat().st_size:,} bytes, {browser.overflow_px()} px too wide")
        for complaint in browser.complaints():
            print(f"console: {complaint}")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the page.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", nargs="?", default="", help="only those with this in their name")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        parser.error("chromium and chromedriver: expected both on PATH")
    with TemporaryDirectory(prefix="onport-relay-page-") as folder:
        home = Path(folder)
        with opened_browser(Path(chromium), Path(chromedriver), home) as browser:
            take(browser, home, options.folder, options.part)


if __name__ == "__main__":
    main()
