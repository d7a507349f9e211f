"""Overview: what needs a look, with the way to it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_alerts_page import raised, shell

__all__ = ["raised", "shell"]
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
    expect(mine).to_contain_text("error", timeout=10_000)
    expect(mine).to_contain_text("market-9: 10 dials without data")
    shell("from core import alerts; alerts.alert_resolve('o1')")
    expect(mine).to_have_count(0, timeout=10_000)
    raised("o2", "critical")
    alerts.locator("li", has_text="Trouble o2").locator("a").click()
    expect(page).to_have_url(re.compile("/alerts/$"))
