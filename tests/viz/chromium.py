"""Start Chromium without a window, for tests of pages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
_DRIVER = shutil.which("chromedriver")
_FLAGS = [
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "hide-scrollbars",
]


@contextmanager
def chromium(width: int, height: int) -> Iterator[Any]:
    """Yield Selenium's driver of a browser whose pages are so many px wide and high; skip the test without Chromium."""
    if _CHROMIUM is None or _DRIVER is None:
        pytest.skip("no chromium and chromedriver here; Debian's packages chromium and chromium-driver bring them")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed; it is in the extra `test`")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in [*_FLAGS, f"window-size={width},{height}", f"user-data-dir={profile}"]:
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
        try:
            # A window is never as narrow as a phone; its contents are made so.
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.set_script_timeout(60)
            yield driver
        finally:
            driver.quit()
