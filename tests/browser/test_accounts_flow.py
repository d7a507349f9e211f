"""Accounts from the admin to a closed position, with the trader of the product itself."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGNED = re.compile(r"^[+−]?[\d,.]+$")
NAMES = ("first", "second")
GROUP = "策略一"


def key_of_the_exchange(up):
    """A key and secret of a new account at the simulator."""
    line = up.lines[up.wait_for(r"simulator listening .*plain=")]
    url = re.search(r"plain=(\S+)", line)[1] + "/sim/accounts"
    body = json.dumps({"name": "first"}).encode()
    asked = urllib.request.Request(url, data=body, method="POST")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        told = json.load(answer)
    return told["key"], told["secret"]


def add_group(page, name):
    page.goto("/admin/accounts/accountgroup/add/")
    page.fill("#id_name", name)
    page.click("[name=_save]")
    expect(page.locator(".messagelist .success")).to_contain_text(name)


def add_account(page, name, weight, mode, key="", secret="", group=""):
    page.goto("/admin/accounts/exchangeaccount/add/")
    page.fill("#id_name", name)
    page.select_option("#id_group", label=group or "---------")
    page.fill("#id_weight", weight)
    page.select_option("#id_mode", mode)
    page.fill("#id_api_key", key)
    page.fill("#id_api_secret", secret)
    page.click("[name=_save]")
    expect(page.locator(".messagelist .success")).to_contain_text(name)


def forget_key(page, name):
    """Its private stream ends, so that other tests find the feed's connections alone."""
    page.goto("/admin/accounts/exchangeaccount/")
    page.get_by_role("link", name=name, exact=True).click()
    page.check("#id_forget_key")
    page.click("[name=_save]")
    page.goto("/market/connections/")
    expect(page.locator("tr[data-key^=market]").first).to_be_visible()
    expect(page.locator("tr[data-key*=private]")).to_have_count(0)


def order(page, **fields):
    """Fill the ticket that is open and look at what it would become."""
    ticket = page.locator("dialog.ticket")
    expect(ticket.locator("input[name=accounts]").first).to_be_visible()
    for box in ticket.locator("input[name=accounts]:enabled").all():
        box.set_checked(box.get_attribute("value") in NAMES)
    for name, value in fields.items():
        control = ticket.locator(f"[name={name}]")
        if control.evaluate("node => node.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    ticket.get_by_role("button", name="Preview").click()
    return ticket


def share(ticket, name):
    return ticket.locator(f"[data-account={name}] td").nth(1)


def sent(ticket):
    """Send it and wait until every account has done it."""
    ticket.locator("#ticket-send").click()
    done = ticket.locator("tr[data-outcome=done]")
    expect(done).to_have_count(len(NAMES))
    ticket.get_by_role("button", name="Close", exact=True).click()


def confirm(page, words):
    page.locator("dialog button[value=yes]", has_text=words).click()


def check_older_rows(context, name):
    """Pages of two rows from the real server, a failure in between, until the end."""
    # A page of its own: what it is refused on purpose stands in its console.
    page = context.new_page()
    asked = f"**/api/v1/accounts/{name}?*"
    usual = re.compile(r"limit=\d+")
    page.route(
        asked,
        lambda route: route.continue_(url=usual.sub("limit=2", route.request.url)),
    )
    page.goto(f"/accounts/{name}/?state=closed")
    rows = page.locator(f".{name}-table tr[data-key]")
    expect(rows).to_have_count(2)
    more = page.locator(f"#{name}-more button")
    page.route(asked, lambda route: route.abort())
    more.click()
    expect(page.locator(".toast", has_text="Could not load")).to_be_visible()
    expect(more).to_have_attribute("aria-busy", "false")
    page.unroute(asked)
    more.click()
    expect(more).to_be_hidden()
    assert rows.count() > 2
    page.close()


def test_a_distributed_order_from_the_first_account_to_the_closed_position(browse, up):
    page = browse("/accounts/")
    # Django's admin names no icon of its own; the browser then asks for the usual one.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    add_account(page, "first", "1.5", "exchange", *key_of_the_exchange(up))
    add_group(page, GROUP)
    add_account(page, "second", "1.0", "paper", group=GROUP)

    page.goto("/accounts/")
    for name, badge in zip(NAMES, ("SIMULATED", "PAPER"), strict=True):
        card = page.locator(f"[data-account={name}]")
        expect(card.locator(".account-badge")).to_have_text(badge)
        expect(card.locator(".account-equity")).to_have_text("10,000.00")

    page.goto("/market/symbols/BTCUSDT/")
    page.locator("[data-order-ticket]").click()
    ticket = order(page, quantity="0.05")
    expect(share(ticket, "first")).to_have_text("0.03")
    expect(share(ticket, "second")).to_have_text("0.02")
    sent(ticket)

    page.goto("/accounts/trades/")
    rows = page.locator("tr[data-key]")
    expect(rows.filter(has_text="first").first).to_be_visible()
    page.select_option("#trades-account", label=GROUP)
    expect(rows.filter(has_text="second").first).to_be_visible()
    expect(rows.filter(has_text="first")).to_have_count(0)

    page.goto("/accounts/positions/")
    row = page.locator("tr[data-key=BTCUSDT]")
    expect(row.locator(".col-net")).to_have_text("▲ 0.05")
    row.locator(".expander").click()
    parts = page.locator(".parts-table tbody tr")
    expect(parts).to_have_count(2)
    expect(parts.first.locator("[data-cell=profit]")).to_have_text(SIGNED)
    profit = page.locator("#tile-profit .tile-value")
    before = profit.inner_text()
    expect(profit).not_to_have_text(before)

    # A second order moves the merged position without a reload.
    page.evaluate("window.sameDocument = true")
    page.click("#new-order")
    sent(order(page, symbol="BTCUSDT", quantity="0.01"))
    expect(row.locator(".col-net")).to_have_text("▲ 0.06")
    assert page.evaluate("window.sameDocument")

    page.goto("/accounts/orders/?ticket=BTCUSDT")
    sent(order(page, type="LIMIT", quantity="0.05", price="20000"))
    resting = page.locator("#orders-table, .orders-table").locator("tr[data-key]")
    expect(resting).to_have_count(2)
    resting.first.get_by_role("button", name="Cancel").click()
    confirm(page, "Cancel the order")
    expect(resting).to_have_count(1)
    page.click("#cancel-all")
    confirm(page, "Cancel all")
    expect(resting).to_have_count(0)

    check_older_rows(page.context, "orders")
    check_older_rows(page.context, "trades")

    page.goto("/accounts/positions/")
    row.get_by_role("button", name="Close").first.click()
    confirm(page, "Close")
    expect(row).to_have_count(0)

    page.goto("/accounts/pnl/")
    expect(page.locator("#closed-note")).to_have_text(re.compile("2 from flat to flat"))
    expect(page.locator("#tile-fees .tile-value")).not_to_have_text(re.compile("^0.00"))
    forget_key(page, "first")
