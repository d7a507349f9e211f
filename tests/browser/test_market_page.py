"""The live table of the whole market."""

import contextlib
import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRICES = """() => Object.fromEntries([...document.querySelectorAll('tbody tr')]
    .map(row => [row.dataset.key, row.querySelector('.col-price').textContent]))"""
CHANGES = """() => [...document.querySelectorAll('tbody tr .col-change')]
    .map(cell => Number(cell.textContent.split(' ').at(-1).replace('−', '-')))"""
SYMBOLS = "() => [...document.querySelectorAll('tbody tr')].map(row => row.dataset.key)"


def filled(page):
    expect(page.locator("tbody tr")).to_have_count(140, timeout=30_000)
    expect(page.locator("tbody tr .col-price").first).to_have_text(re.compile(r"\d"))
    return page


def test_all_symbols_are_listed_and_prices_change_by_themselves(browse):
    page = filled(browse("/market/"))
    before = page.evaluate(PRICES)
    page.wait_for_function(
        f"before => {{ const now = ({PRICES})();"
        "return Object.keys(now).filter(k => now[k] !== before[k]).length >= 10; }",
        arg=before,
    )
    expect(page.locator("#market-note")).to_have_text("140 symbols")


def test_sorting_and_filtering_live_in_the_address(browse):
    page = filled(browse("/market/"))
    page.click("th.col-change button")
    expect(page).to_have_url(re.compile(r"\?sort=-change$"))
    # Numbers go on changing; the table sorts again every second.
    page.wait_for_function(
        f"() => {{ const now = ({CHANGES})().slice(0, 20);"
        "return now.every((value, i) => i === 0 || value <= now[i - 1]); }"
    )
    page.fill("#filter", "btc")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#filter")).to_have_value("btc")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.fill("#filter", "no such symbol")
    expect(page.locator(".state-title")).to_have_text("Nothing matches the filter")


def test_quick_filters_show_only_what_they_say(browse):
    page = filled(browse("/market/"))
    page.click("#quick [data-view=losers]")
    page.wait_for_function(
        f"() => {{ const now = ({CHANGES})();"
        "return now.length > 0 && now.every((value) => value <= 0); }"
    )
    expect(page).to_have_url(re.compile("view=losers"))


def test_the_table_is_walked_with_the_keyboard(browse):
    page = filled(browse("/market/"))
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.fill("#filter", "")
    page.keyboard.press("ArrowDown")
    symbols = page.evaluate(SYMBOLS)
    expect(page.locator(f"tr[data-key='{symbols[0]}'] a")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"tr[data-key='{symbols[2]}'] a")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/market/symbols/{symbols[2]}/")


def test_prices_that_were_long_on_their_way_are_grey_until_fresh_ones_come(browse, up):
    """Rows get newer all the time, and what they say is older than it looks."""
    page = filled(browse("/market/"))
    symbol = browse("/market/symbols/BTCUSDT/")
    row = "tr[data-key=BTCUSDT] .col-price"
    expect(symbol.locator("#price")).to_have_text(re.compile(r"\d"), timeout=20_000)
    expect(symbol.locator("#symbol")).not_to_have_class(re.compile("is-stale"))
    expect(page.locator(row)).not_to_have_class(re.compile("is-stale"))
    with armed(up, kind="delay", seconds=6):
        expect(page.locator(row)).to_have_class(re.compile("is-stale"), timeout=15_000)
        seen = page.locator("tbody td.is-stale.col-bid")
        expect(seen.nth(20)).to_be_visible()
        head = symbol.locator("#symbol")
        expect(head).to_have_class(re.compile("is-stale"))
    expect(page.locator(row)).not_to_have_class(re.compile("is-stale"), timeout=15_000)
    expect(symbol.locator("#symbol")).not_to_have_class(re.compile("is-stale"))


@contextlib.contextmanager
def armed(up, **fault):
    """The exchange misbehaves meanwhile."""
    url = json.loads((up.var / "simulator" / "listening.json").read_text())["plain"]

    def ask(path, method, body=None):
        request = urllib.request.Request(f"{url}/sim/faults{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    number = ask("", "POST", json.dumps(fault).encode())["id"]
    try:
        yield
    finally:
        ask(f"/{number}", "DELETE")
