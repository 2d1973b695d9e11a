"""Headless Chromium, as a person's browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser(*, width: int = 1500, height: int = 1000) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet.

    A test that asks for one is skipped where there is no Chromium.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root, as it does in containers.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        try:
            yield page
        except BaseException:
            page.screenshot(path=Path(gettempdir()) / "epitoma_failed_page.png")
            raise
        finally:
            browser.close()
