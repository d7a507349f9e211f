"""The pages of accounts fit, are live, and their ticket is used by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Path → what is there once the page has its data.
PAGES = {
    "/accounts/": "#accounts-note:not(:empty)",
    "/accounts/positions/": "#positions-note:not(:empty)",
    "/accounts/orders/": "#orders-note:not(:empty)",
    "/accounts/trades/": "#trades-note:not(:empty)",
    "/accounts/pnl/": "#pnl-note:not(:empty)",
    "/accounts/performance/": "#performance-note:not(:empty)",
}


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1440, "dark")])
def test_every_page_of_accounts_fits_and_is_live(browse, width, theme):
    page = browse("/settings/", width=width, theme=theme)
    for path, ready in PAGES.items():
        page.goto(path)
        expect(page.locator(ready)).to_be_visible()
        expect(page.locator("#link-state")).to_have_attribute("data-state", "open")
        expect(page.locator(".venue-badge")).to_have_text("SIMULATED")
        expect(page.locator(".tabs [aria-current=page]")).to_have_count(1)
        assert page.evaluate(WIDER) <= 0, path


def test_the_ticket_opens_by_keyboard_and_refuses_what_has_no_account(browse):
    page = browse("/market/symbols/BTCUSDT/")
    page.locator("[data-order-ticket]").focus()
    page.keyboard.press("Enter")
    ticket = page.locator("dialog.ticket")
    expect(ticket.locator("[name=symbol]")).to_have_value("BTCUSDT")
    expect(ticket.locator("[name=quantity]")).to_be_focused()
    page.keyboard.type("0.5")
    expect(ticket.locator(".ticket-accounts .skeleton")).to_have_count(0)
    for box in ticket.locator("input[name=accounts]:enabled").all():
        box.set_checked(False)
    ticket.locator("[name=quantity]").focus()
    page.keyboard.press("Enter")
    expect(ticket.locator("[data-field=accounts] .field-error")).to_be_visible()
    expect(ticket.locator("#ticket-send")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(ticket).to_have_count(0)


def test_the_ticket_says_where_the_chosen_accounts_orders_go(browse):
    page = browse("/settings/")

    def told(route):
        accounts = [
            {
                "name": name,
                "badge": badge,
                "enabled": True,
                "group": None,
                "weight": "1",
                "available": "100",
            }
            for name, badge in (("play", "PAPER"), ("real", "LIVE"))
        ]
        route.fulfill(json={"accounts": accounts, "groups": []})

    page.route(re.compile(r"/api/v1/accounts$"), told)
    page.goto("/accounts/orders/?ticket=BTCUSDT")
    ticket = page.locator("dialog.ticket")
    badges = ticket.locator("#ticket-badges .account-badge")
    expect(badges).to_have_text(["LIVE", "PAPER"])
    ticket.get_by_label("real").uncheck()
    expect(badges).to_have_text(["PAPER"])
    ticket.get_by_role("button", name="none").click()
    expect(badges).to_have_count(0)
    ticket.get_by_label("real").check()
    expect(badges).to_have_text(["LIVE"])
