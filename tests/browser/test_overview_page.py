"""Overview: what needs a look, with the way to it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_alerts_page import raised

__all__ = ["raised"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_coverage_of_today_leads_to_the_gaps(browse):
    page = browse("/")
    tile = page.locator("#tile-coverage")
    expect(tile.locator(".tile-note")).to_have_text(
        re.compile(r"of [\d,]+ bars|no bar is due yet"), timeout=20_000
    )
    tile.click()
    expect(page).to_have_url(re.compile("/market/gaps/$"))


def test_an_open_alert_is_listed_and_leads_to_the_alerts(browse, raised, shell):
    page = browse("/")
    alerts = page.locator("#open-alerts")
    raised("o1", "error")
    mine = alerts.locator("li", has_text="Trouble o1")
    expect(mine).to_contain_text("error", timeout=20_000)
    expect(mine).to_contain_text("market-9: 10 dials without data")
    shell("from core import alerts; alerts.alert_resolve('o1')")
    expect(mine).to_have_count(0, timeout=20_000)
    raised("o2", "critical")
    alerts.locator("li", has_text="Trouble o2").locator("a").click()
    expect(page).to_have_url(re.compile("/alerts/$"))


def test_the_newest_signals_lead_to_why_they_score_as_they_do(browse, planted):
    page = browse("/")
    lines = page.locator("#newest-signals tbody tr")
    expect(lines).to_have_count(5, timeout=20_000)
    mine = page.locator(f"[data-signal='{planted['signals'][0]['id']}']")
    expect(mine).to_contain_text("ETHUSDT")
    expect(mine).to_contain_text("▲ long")
    expect(mine).to_contain_text("91")
    mine.locator("a").click()
    dialog = page.locator("#breakdown-dialog")
    expect(dialog.locator("[data-factor=trend]")).to_be_visible(timeout=20_000)


def test_without_a_signal_the_overview_says_when_they_come(browse):
    page = browse("/")
    none = {"signals": [], "next_after": None, "epoch": "", "seq": 0}
    page.route("**/api/v1/market/signals?*", lambda route: route.fulfill(json=none))
    page.reload()
    box = page.locator("#newest-signals .state")
    expect(box).to_contain_text("when a bar closes", timeout=20_000)
