"""One symbol: candles, book, trades."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAST_CLOSE = "() => document.querySelector('.chart-plot').data?.at(-1).close.at(-1)"


def drawn(page):
    page.wait_for_function(f"() => ({LAST_CLOSE})() > 0", timeout=30_000)
    return page


def test_the_last_candle_moves(browse):
    page = drawn(browse("/market/symbols/BTCUSDT/"))
    bars = page.evaluate("document.querySelector('.chart-plot').data.at(-1).x.length")
    assert bars > 100
    before = page.evaluate(LAST_CLOSE)
    page.wait_for_function(f"before => ({LAST_CLOSE})() !== before", arg=before)


def test_book_and_trades_appear_and_the_head_is_fresh(browse):
    page = drawn(browse("/market/symbols/ETHUSDT/"))
    # Rows are hidden until they have data.
    expect(page.locator(".asks li:not([hidden])")).to_have_count(20, timeout=20_000)
    expect(page.locator(".bids li:not([hidden])")).to_have_count(20)
    expect(page.locator("#tape li:not([hidden])").first).to_be_visible(timeout=20_000)
    expect(page.locator("#price")).to_have_text(re.compile(r"^[\d,]+\.\d\d$"))
    expect(page.locator("#stat-age")).to_have_text(re.compile(r"^\d\.\d s ago$"))
    best = page.locator(".asks li span").first
    expect(best).to_have_text(re.compile(r"^[\d,]+\.\d\d$"), timeout=20_000)
    expect(page.locator("#book")).to_have_attribute("aria-busy", "false")


def test_before_a_book_came_the_page_says_that_it_waits(browse):
    page = browse("/settings/")
    # Without the socket and this answer neither book nor trades ever come.
    page.route_web_socket("**/ws/live", lambda socket: None)
    page.route(
        re.compile(r"/api/v1/market/(depth|trades)\?"),
        lambda route: route.fulfill(json={}),
    )
    page.goto("/market/symbols/ETHUSDT/")
    expect(page.locator("#price")).to_have_text(re.compile(r"\d"))
    for name in ("book", "tape"):
        host = page.locator(f"#{name}")
        expect(host).to_have_attribute("aria-busy", "true")
        expect(host).to_have_attribute("data-empty", re.compile("^Waiting for"))
        expect(host.locator("li:not([hidden])")).to_have_count(0)


def test_a_book_that_is_not_live_is_grey_and_says_so(browse):
    page = drawn(browse("/market/symbols/ETHUSDT/"))
    shown = """async (live) => {
        const { OrderBook } = await import("/static/js/ladder.js");
        const host = document.createElement("div");
        const book = { bids: [[100, 1]], asks: [[101, 1]], live };
        new OrderBook(host).show(book, { tick: 0.1, step: 0.001 });
        const words = host.querySelector(".book-mid small").textContent;
        return [host.classList.contains("is-doubted"), words];
    }"""
    assert page.evaluate(shown, False) == [True, "out of date, a new one is coming"]
    doubted, words = page.evaluate(shown, True)
    assert not doubted
    assert words.startswith("spread")


def test_the_interval_can_be_switched_and_is_kept(browse):
    page = drawn(browse("/market/symbols/BTCUSDT/"))
    page.click("[data-interval='1h']")
    step = """() => { const x = document.querySelector('.chart-plot').data.at(-1).x;
        return x.at(-1) - x.at(-2); }"""
    page.wait_for_function(f"() => ({step})() === 3600000")
    page.reload()
    expect(page.locator("[data-interval='1h']")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_picker_goes_to_another_symbol(browse):
    page = drawn(browse("/market/symbols/BTCUSDT/"))
    expect(page.locator("#picker-list option")).to_have_count(140, timeout=30_000)
    page.fill("#picker-input", "ethus")
    page.keyboard.press("Enter")
    page.wait_for_url("**/market/symbols/ETHUSDT/")


def test_a_symbol_that_is_not_followed_says_so(browse):
    page = browse("/market/symbols/nosuchusdt/")
    expect(page).to_have_url(re.compile(r"/market/symbols/NOSUCHUSDT/$"))
    title = page.locator("#chart .state-title")
    expect(title).to_have_text("NOSUCHUSDT is not followed", timeout=20_000)
