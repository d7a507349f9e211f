"""Connections: what they show when the exchange cuts them, and their control."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/market/connections/"


def all_live(page):
    # Asked at once: a row may come or go meanwhile.
    page.wait_for_function(
        """() => { const badges = [...document.querySelectorAll('tr[data-key] .badge')];
            return badges.length >= 2 && badges.every(b => b.textContent === 'live'); }"""
    )
    return page


def market_rows(page):
    """The feed's own; private streams of accounts are the trader's and may stay."""
    private = page.locator(".col-route", has_text=re.compile("^private$"))
    return page.locator("tr[data-key]").filter(has_not=private)


def cut_every_connection(up):
    line = up.lines[up.wait_for(r"simulator listening .*plain=")]
    url = re.search(r"plain=(\S+)", line)[1]
    request = urllib.request.Request(f"{url}/sim/cut", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["cut"]


def test_a_cut_shows_in_table_and_events_and_heals(browse, up):
    page = all_live(browse(PATH))
    reconnects = page.locator("#tile-reconnects .tile-value")
    expect(reconnects).to_have_text(re.compile(r"^\d+$"), timeout=20_000)
    before = int(reconnects.inner_text())
    assert cut_every_connection(up)
    lost = page.locator("#events [data-kind=disconnected], #events [data-kind=failed]")
    expect(lost.first).to_be_visible(timeout=20_000)
    all_live(page)
    page.wait_for_function(
        """before => Number(document.querySelector('#tile-reconnects .tile-value')
            .textContent) > before""",
        arg=before,
    )
    page.locator("button.expander").first.click()
    detail = page.locator(".detail-row")
    expect(detail).to_contain_text("TLSv1")
    expect(detail.locator(".chip").first).to_contain_text("@")
    expect(detail.locator("section").nth(1)).not_to_contain_text("None so far")


def test_the_reconnect_button_asks_first_and_tells_the_answer(browse):
    page = all_live(browse(PATH))
    name = market_rows(page).last.get_attribute("data-key")
    row = page.locator(f"tr[data-key='{name}']")
    row.locator("[data-action=reconnect]").click()
    page.click("dialog [value=no]")
    expect(page.locator("dialog")).to_have_count(0)
    row.locator("[data-action=reconnect]").click()
    page.click("dialog [value=yes]")
    expect(page.locator(".toast")).to_contain_text(f"{name} reconnects", timeout=20_000)
    asked = page.locator("#events [data-kind=reconnect_requested]").first
    expect(asked).to_contain_text(name, timeout=20_000)
    expect(page.locator("#orders")).to_contain_text(f"reconnect {name}", timeout=20_000)
    all_live(page)


def test_a_stopped_feed_is_announced_everywhere_and_old_numbers_turn_grey(browse):
    page = all_live(browse(PATH))
    expect(market_rows(page).nth(1)).to_be_visible()
    symbol = browse("/market/symbols/BTCUSDT/")
    expect(symbol.locator("#price")).to_have_text(re.compile(r"\d"), timeout=20_000)
    expect(symbol.locator("#symbol")).not_to_have_class(re.compile("is-stale"))
    page.click("#feed-stop")
    expect(page.locator("dialog")).to_contain_text("Private streams of accounts stay")
    page.click("dialog [value=yes]")
    try:
        banner = page.locator(".banner")
        expect(banner).to_contain_text("The market feed is stopped", timeout=20_000)
        expect(market_rows(page)).to_have_count(0, timeout=20_000)
        expect(symbol.locator("#symbol")).to_have_class(
            re.compile("is-stale"), timeout=20_000
        )
        expect(symbol.locator(".banner")).to_contain_text(
            re.compile(r"You are looking at \d+ s old data"), timeout=20_000
        )
    finally:
        page.locator("#feed-start:enabled").click(timeout=20_000)
    all_live(page)
    expect(symbol.locator(".banner")).to_have_count(0, timeout=30_000)
    expect(symbol.locator("#symbol")).not_to_have_class(re.compile("is-stale"))


def test_what_a_row_offers_stays_in_sight_where_the_table_is_too_wide(browse):
    page = all_live(browse(PATH))
    page.set_viewport_size({"width": 1000, "height": 800})
    scroller = page.locator(".table-scroll:has(> .connections-table)")
    assert scroller.evaluate("it => it.scrollWidth > it.clientWidth")
    for button in page.locator("[data-action=reconnect]").all():
        expect(button).to_be_in_viewport(ratio=1)


def test_the_connection_of_a_stream_is_found_by_the_stream(browse):
    page = all_live(browse(PATH))
    page.fill("#connections-filter", "btcusdt@bookTicker")
    expect(page.locator("tr[data-key]")).to_have_count(1)
    expect(page.locator("tr[data-key] .col-route")).to_have_text("public")
    page.fill("#connections-filter", "")
    page.check("#only-trouble")
    expect(page.locator(".table-state .state-title")).to_have_text(
        "Nothing matches the filter"
    )


MAKE_VIEWER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("onlooker", password="only-looking-4711")
"""


def test_who_may_only_look_finds_the_switches_locked(browse, shell):
    shell(MAKE_VIEWER)
    page = browse(PATH, state=None)
    page.fill("#id_username", "onlooker")
    page.fill("#id_password", "only-looking-4711")
    page.click("form.plain-card button")
    page.wait_for_url(f"**{PATH}")
    expect(page.locator("[data-action=reconnect]").first).to_be_disabled(timeout=20_000)
    expect(page.locator("#feed-stop")).to_be_disabled()
    expect(page.locator("#control-note")).to_be_visible()


def test_the_feed_processes_are_listed_with_their_part(browse):
    page = all_live(browse(PATH))
    row = page.locator("#feeds tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("feed")
    expect(row.locator("td.num").first).to_have_text("140")


def test_history_that_is_being_fetched_shows_how_far_it_is_and_what_failed(browse):
    page = all_live(browse(PATH))
    expect(page.locator("#history-progress")).to_be_hidden()

    def unfinished(route):
        answer = route.fetch()
        told = answer.json()
        told["feed"]["history"] = {"planned": 280, "done": 112}
        told["feed"]["history_failed"] = {"BTCUSDT 1h": "503: try again later"}
        route.fulfill(response=answer, json=told)

    # Without a push the page asks over HTTP, where it is told something else.
    page.route_web_socket("**/ws/live", lambda socket: None)
    page.route("**/api/v1/market/connections", unfinished)
    page.reload()
    progress = page.locator("#history-progress")
    expect(progress).to_contain_text("112 of 280 series", timeout=20_000)
    expect(progress.locator("progress")).to_have_attribute("value", "112")
    progress.locator("summary").click()
    expect(progress.locator("li")).to_have_text("BTCUSDT 1h 503: try again later")
