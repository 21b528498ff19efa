"""A real Chromium without a window, driven by Selenium."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

_WITHIN_S = 15.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """What a person has before them."""

    driver: Chrome

    def visit(self, url: str) -> None:
        """Load an address, also one that differs from the last in its fragment only."""
        self.driver.get("about:blank")
        self.driver.get(url)

    def cookies(self) -> list[dict[str, object]]:
        """Return all cookies, of whatever path."""
        every = self.driver.execute_cdp_cmd("Network.getAllCookies", {})
        return cast("list[dict[str, object]]", every["cookies"])

    def forget(self) -> None:
        """Have no cookies."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def resize(self, width: int, height: int = 900) -> None:
        """Have a screen of that size; a narrow one is a telephone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def photograph(self, file: Path) -> None:
        """Write a picture of the whole page, as long as it is."""
        options = {"format": "png", "captureBeyondViewport": True}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        file.write_bytes(base64.b64decode(taken["data"]))

    def find(self, css: str) -> WebElement:
        """Return what is visible and matches first; wait for it."""

        def visible(driver: Chrome) -> WebElement | None:
            found = driver.find_elements(By.CSS_SELECTOR, css)
            return next((each for each in found if each.is_displayed()), None)

        waiting = WebDriverWait(self.driver, _WITHIN_S, poll_frequency=0.05)
        return cast("WebElement", waiting.until(visible, f"{css} is not there"))

    def text(self, css: str = "body") -> str:
        """Return the text that is seen there now; empty if there is none."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return cast("str", self.driver.execute_script(script, css))

    def wait_for_text(self, text: str, css: str = "body") -> None:
        """Return when it is seen there."""
        waiting = WebDriverWait(self.driver, _WITHIN_S, poll_frequency=0.05)
        waiting.until(lambda _: text in self.text(css), f"{text!r} is not in: {self.text(css)}")

    def press(self, label: str, within: str = "main") -> None:
        """Press the button that says so."""
        script = """
            const buttons = [...document.querySelectorAll(arguments[0] + ' button')];
            const label = (one) => one.ariaLabel ?? one.innerText;
            const says = (one) => one.checkVisibility() && label(one).startsWith(arguments[1]);
            return buttons.find(says)
        """
        waiting = WebDriverWait(self.driver, _WITHIN_S, poll_frequency=0.05)
        found = waiting.until(
            lambda driver: driver.execute_script(script, within, label), f"no button {label!r}"
        )
        found.click()

    def overflow_px(self) -> int:
        """Return how much wider the page is than the screen."""
        script = "const it = document.documentElement; return it.scrollWidth - it.clientWidth"
        return cast("int", self.driver.execute_script(script))

    def complaints(self) -> list[str]:
        """Return what the console has said since the last call."""
        told = self.driver.get_log("browser")  # type: ignore[no-untyped-call] # Selenium's has no types
        return [entry["message"] for entry in told]


@contextmanager
def opened_browser(chromium: Path, chromedriver: Path, home: Path) -> Iterator[Browser]:
    """Run a browser for as long as the context lasts, with a profile of its own."""
    options = ChromeOptions()
    options.binary_location = str(chromium)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={home / 'profile'}"):
        options.add_argument(flag)
    service = ChromeService(str(chromedriver), log_output=str(home / "chromedriver.log"))
    driver = Chrome(options, service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
