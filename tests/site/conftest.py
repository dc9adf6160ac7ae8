"""The built site, a server for it and one browser, shared by the tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_server import BASE, ROOT, serve

SITE = ROOT / "_build" / "html"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the folder of the built site."""
    if not (SITE / "index.html").is_file():
        pytest.fail("The site is not built. Run `make book` first.", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def base() -> str:
    """Return the path below which the site will live, with a slash at both ends."""
    return BASE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the built site."""
    yield from serve(site)


@pytest.fixture(scope="session")
def browser():
    """Start the system's Chromium, or say why not: skip on a reader's machine, fail in CI."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        reason = "no chromium or google-chrome on PATH: the pages are not looked at in a browser"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()
