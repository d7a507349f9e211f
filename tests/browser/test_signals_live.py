"""Signals as they come: a real scanner, a real browser, a market whose hours fly."""

import re
import shutil
import tempfile

import pytest
from playwright.sync_api import expect

from tests.browser.test_symbol_overlays import choose, drawn
from tests.flows.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FAST = {
    "MARKET_SYMBOLS": "6",
    "SIMULATOR_SYMBOLS": "6",
    "MARKET_INTERVALS": "1m",
    "MARKET_HISTORY_BARS": "150",
    "SCAN_BARS": "120",
    "SCAN_STORE_SCORE": "0",
    "SIMULATOR_SPEED": "12",
    "TRAINING_WORKERS": "0",
}


@pytest.fixture
def fast():
    folder = tempfile.mkdtemp(prefix="qs-")
    try:
        with Running(folder, **FAST) as running:
            running.wait_for(r"Open http://")
            running.wait_for(r"scanner\s+running")
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_signals_appear_at_a_close_open_their_reasons_and_mark_the_chart(
    chromium, fast
):
    line = fast.lines[fast.wait_for(r"First login: user admin, password ")]
    context = chromium.new_context(base_url=fast.runtime["web_url"])
    page = context.new_page()
    page.goto("/market/signals/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", line.split()[-1])
    page.click("form.plain-card button")
    rows = page.locator("tr[data-key]")
    expect(rows.first).to_be_visible(timeout=60_000)
    newest = rows.first.get_attribute("data-key")
    # Nobody reloads: the next close brings newer ones.
    expect(rows.first).not_to_have_attribute("data-key", newest, timeout=60_000)
    # The list may go on moving: this one is meant, wherever it is by now.
    key = rows.first.get_attribute("data-key")
    mine = page.locator(f"tr[data-key='{key}']")
    expect(mine.locator(".col-symbol")).to_have_text(re.compile(r"^\w+USDT$"))
    symbol = mine.locator(".col-symbol").inner_text()
    mine.locator(".col-confidence").click()
    reasons = page.locator(f".breakdown[data-signal='{key}']")
    expect(reasons.locator("[data-factor=trend]")).to_be_visible()
    expect(reasons.locator("[data-factor]").first).to_contain_text(re.compile(r"\w"))
    page.goto(f"/market/symbols/{symbol}/")
    choose(page, "marks")
    assert drawn(page, "signals")["ids"]
    context.close()
