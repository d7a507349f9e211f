"""A real Chromium in front of a really running product."""

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import training_rows
from tests.browser.planted_signals import plant
from tests.browser.shell import Shell
from tests.browser.watching import Watched
from tests.flows.running import Running

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Chromium heeds the last such list alone: first what Playwright itself turns off, then
# pages of Chromium's own that draw its address bar, a third of a CPU second per window.
WITHOUT = [
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--disable-features={','.join(WITHOUT)}",
]
# The whole market, with a short history so that the start stays quick.
PLAN = {
    "MARKET_SYMBOLS": "140",
    "SIMULATOR_SYMBOLS": "140",
    "MARKET_HISTORY_BARS": "150",
    "TRAINING_WORKERS": "1",
    # Else a close of bars during the tests stores a page full of signals, and what they
    # planted is on the second one.
    "SCAN_STORE_SCORE": "100",
}


# What a page shows is proven, not how fast a busy machine is.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def chromium():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and CI must not skip these tests")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def up():
    """The running product; its folder has a short path because of Redis' socket."""
    folder = tempfile.mkdtemp(prefix="qb-")
    try:
        with Running(folder, **PLAN) as running:
            running.wait_for(r"Open http://")
            running.wait_for(r"feed\s+running")
            _wait_for_history(running)
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_history(running, seconds=180):
    """Signals are planted on stored bars, studies look at them."""
    series = 2 * int(PLAN["MARKET_SYMBOLS"])
    deadline = time.monotonic() + seconds
    database = f"file:{running.var / 'quantai.sqlite3'}?mode=ro"
    with closing(sqlite3.connect(database, uri=True, timeout=30)) as connection:
        count = "SELECT count(DISTINCT series_id) FROM market_candle"
        while (stored := connection.execute(count).fetchone()[0]) < series:
            assert time.monotonic() < deadline, f"bars of {stored} series are stored"
            time.sleep(0.2)


@pytest.fixture(scope="package")
def signed_in(chromium, up):
    """Cookies of user admin."""
    line = up.lines[up.wait_for(r"First login: user admin, password ")]
    context = chromium.new_context()
    page = context.new_page()
    page.goto(up.runtime["web_url"])
    page.fill("#id_username", "admin")
    page.fill("#id_password", line.split()[-1])
    page.click("form.plain-card button")
    page.wait_for_selector("#link-state")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="package")
def shell(up):
    """``shell(code)`` runs Python in another process on the same database."""
    running = Shell(up)
    yield running
    running.close()


@pytest.fixture(scope="package")
def planted(shell):
    """Signals in the database, planted once; what the routes answer about them."""
    return plant(shell)


@pytest.fixture(scope="package")
def writer(shell):
    """Writes rows of training."""
    return training_rows.Writer(shell)


@pytest.fixture(scope="package")
def trained(writer):
    """Studies, trials and versions in the database, planted once: their ids."""
    return writer.planted


@pytest.fixture
def browse(chromium, up, signed_in):
    """``browse(path, width=, theme=)`` opens a page that must stay without errors."""
    opened = []

    def visit(path, *, width=1440, theme="dark", state=signed_in):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            storage_state=state,
            base_url=up.runtime["web_url"],
        )
        watched = Watched(context)
        opened.append(watched)
        watched.page.goto(path)
        return watched.page

    yield visit
    for watched in opened:
        watched.context.close()
    assert [complaint for watched in opened for complaint in watched.complaints] == []
