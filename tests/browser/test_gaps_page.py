"""Gaps: coverage of a day, and the ledger that grows while it is looked at."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/market/gaps/"
OLD = "OLDUSDT"
PLANT = f"""
from market import services
from market.domain.candles import MissingBars
from market.models import Gap
STEP = 900_000
start = 1_790_000_100_000
services.gaps_open(
    venue="simulator", cause="market-7: closed with 1006", now_ms=start,
    ranges=[
        MissingBars("{OLD}", "15m", start + n * 9 * STEP, start + (n * 9 + n % 3) * STEP)
        for n in range(130)
    ],
)
rows = Gap.objects.filter(symbol="{OLD}")
rows.update(state="filled", found=1, closed_at=start + 4_000)
services.trade_gaps_open(
    venue="simulator", holes=[("{OLD}", 5000, 5009)], cause="market-7: cut", now_ms=start
)
services.trade_gap_settle(
    venue="simulator", symbol="{OLD}", first=5000, found=9,
    note="1 ids could not be had again", now_ms=start + 9_000,
)
"""
FIND = """
from market import services
from market.domain.candles import MissingBars
services.gaps_open(
    venue="simulator", cause="market-7: no frame", now_ms=1_790_000_100_000,
    ranges=[MissingBars("NEWUSDT", "1h", 1_790_001_000_000, 1_790_001_000_000)],
)
"""
TELL = """
import json
from core import push
event = {"id": 10**9, "at": 1_790_000_100_000, "kind": "filled", "connection": "rest"}
push.queue_on_commit("events", [("1", json.dumps(event).encode())])
"""
# A bar of yesterday, which the history holds at every hour of the day.
TAKE = """
import json, time
from market.models import Candle
day = 86_400_000
at = int(time.time() * 1000) // day * day - 3_600_000
rows = Candle.objects.filter(
    series__symbol="BTCUSDT", series__interval="15m", open_time=at
)
print(json.dumps(list(rows.values())))
assert rows.delete()[0] == 1
"""
# The feed's own audit may have put it back meanwhile.
PUT = """
from market.models import Candle
row = {row!r}
key = dict(series_id=row["series_id"], open_time=row["open_time"])
Candle.objects.get_or_create(**key, defaults=row)
"""


@pytest.fixture(scope="module", autouse=True)
def _planted(shell):
    shell(PLANT)


def lines(page):
    return page.locator(".gaps-table tr[data-key]")


def test_older_rows_come_by_page_until_the_end(browse):
    page = browse(f"{PATH}?symbol={OLD.lower()}")
    expect(lines(page)).to_have_count(100, timeout=20_000)
    newest = lines(page).first
    expect(newest).to_contain_text("#5000 – #5009")
    expect(newest).to_contain_text("unfillable")
    page.click("#gaps-more button")
    expect(lines(page)).to_have_count(131)
    expect(page.locator("#gaps-more")).to_be_hidden()
    expect(page.locator("#gaps-note")).to_have_text("131 shown")
    page.click(".gaps-table .col-missing button")
    expect(lines(page).first.locator(".col-missing")).to_have_text("10")


def test_state_and_symbol_are_filtered_and_stay_in_the_address(browse):
    page = browse(PATH)
    expect(page.locator("#gaps-note")).to_have_text(re.compile(r"\d+ shown"))
    page.fill("#gap-symbol", OLD.lower())
    page.keyboard.press("Enter")
    page.click("#gap-states [data-state=unfillable]")
    expect(lines(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"\?state=unfillable&symbol={OLD}$"))
    page.reload()
    expect(lines(page)).to_have_count(1)
    expect(page.locator("#gap-symbol")).to_have_value(OLD)
    page.click("#gap-states [data-state=open]")
    expect(lines(page)).to_have_count(0)
    expect(page.locator(".state-title").last).to_have_text("Nothing matches the filter")


def test_a_symbol_is_found_without_its_quote_asset(browse):
    page = browse(PATH)
    expect(page.locator("#gap-symbols option").first).to_be_attached(timeout=20_000)
    page.fill("#gap-symbol", "eth")
    page.keyboard.press("Enter")
    expect(page.locator("#gap-symbol")).to_have_value("ETHUSDT")
    expect(page).to_have_url(re.compile(r"\?symbol=ETHUSDT$"))


def test_details_open_by_keyboard_and_tell_cause_and_note(browse):
    page = browse(f"{PATH}?symbol={OLD}")
    expect(lines(page)).to_have_count(100, timeout=20_000)
    lines(page).nth(1).locator(".expander").focus()
    page.keyboard.press("ArrowUp")
    expect(lines(page).first.locator(".expander")).to_be_focused()
    page.keyboard.press("Enter")
    detail = page.locator(".detail-row")
    expect(detail).to_contain_text("market-7: cut")
    expect(detail).to_contain_text("1 ids could not be had again")
    expect(detail).to_contain_text("9.0 s after its detection")
    expect(detail.locator("a")).to_have_attribute("href", f"/market/symbols/{OLD}/")


def test_a_new_gap_appears_when_the_feed_says_that_it_filled_one(browse, shell):
    page = browse(f"{PATH}?symbol=NEWUSDT")
    title = page.locator("section[aria-labelledby=ledger-title] .state-title")
    expect(title).to_have_text("Nothing matches the filter", timeout=20_000)
    shell(FIND)
    shell(TELL)
    expect(lines(page)).to_have_count(1, timeout=20_000)
    expect(lines(page)).to_contain_text("open")
    open_gaps = page.locator("#tile-open .tile-value")
    expect(open_gaps).to_have_text(re.compile(r"^[1-9]\d*$"))


def test_a_missing_bar_shows_in_its_day_until_it_is_there(browse, shell):
    (row,) = json.loads(shell(TAKE))
    page = browse(PATH)
    expect(page.locator("#coverage-title")).to_have_text(re.compile("Coverage"))
    expect(page.locator("#day-after")).to_be_disabled(timeout=20_000)
    page.click("#day-before")
    expect(page.locator("#coverage-note")).to_contain_text("series", timeout=20_000)
    missed = page.locator(".coverage-table tr[data-key]")
    expect(missed).to_have_count(1)
    expect(missed).to_contain_text("BTCUSDT")
    expect(missed.locator(".col-lacking")).to_have_text("1")
    expect(page.locator("#coverage-title")).to_have_text(re.compile(r"99\.\d{3} %"))
    expect(page).to_have_url(re.compile(r"\?day=\d{4}-\d\d-\d\d$"))
    page.check("#complete")
    expect(missed).to_have_count(280)
    expect(missed.first).to_contain_text("BTCUSDT")
    page.uncheck("#complete")
    shell(PUT.format(row=row))
    page.reload()
    title = page.locator("#coverage-title")
    expect(title).to_have_text("Coverage 100.000 %", timeout=20_000)
    expect(page.locator(".state-title").first).to_have_text(
        "Every bar of this day is stored"
    )
    page.click("#day-today")
    expect(page.locator("#day-today")).to_be_disabled()
    expect(page).not_to_have_url(re.compile("day="))


def test_what_cannot_be_loaded_says_so_and_tries_again(browse):
    blocked = browse("/settings/").context
    blocked.route("**/api/v1/market/gaps?*", lambda route: route.abort())
    page = blocked.new_page()
    page.goto(PATH)
    errors = page.locator(".state-title", has_text="Could not load")
    expect(errors).to_have_count(2, timeout=20_000)
    expect(page.locator("#tile-open .tile-value")).to_have_text("–")
    blocked.unroute("**/api/v1/market/gaps?*")
    page.locator(".state .button").last.click()
    expect(errors).to_have_count(0)
    expect(lines(page).first).to_be_visible()


def test_numbers_that_are_not_renewed_turn_grey(browse):
    blocked = browse("/settings/").context
    page = blocked.new_page()
    page.clock.install()
    page.goto(PATH)
    expect(lines(page).first).to_be_visible(timeout=20_000)
    blocked.route("**/api/v1/market/gaps?*", lambda route: route.abort())
    page.clock.run_for(80_000)
    tile = page.locator("#tile-filled")
    expect(tile).to_have_class(re.compile("is-stale"))
    expect(page.locator("#gaps-age")).to_have_text(re.compile("1 min .*ago"))
    expect(lines(page).first).to_be_visible()


def test_the_connections_lead_to_the_gaps(browse):
    page = browse("/market/connections/")
    page.click("main a[href='/market/gaps/']")
    expect(page).to_have_url(re.compile(f"{PATH}$"))
    current = page.locator(".nav [aria-current=page]")
    expect(current).to_have_attribute("href", "/market/connections/")
