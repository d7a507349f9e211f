"""Signals: the list, its filters, why a score is what it is, scans, calibration."""

import os
import re
from signal import SIGCONT, SIGSTOP

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/market/signals/"


@pytest.fixture
def told(planted):
    """The planted signals, the newest first."""
    return planted["signals"]


def filled(page, told):
    expect(row(page, told[0])).to_be_visible(timeout=20_000)
    return page


def row(page, signal):
    return page.locator(f"tr[data-key='{signal['id']}']")


def of(told, **values):
    return [s for s in told if all(s[name] == v for name, v in values.items())]


def test_a_signal_shows_score_outcomes_and_what_the_price_did_since(browse, told):
    page = filled(browse(PATH), told)
    eth = row(page, told[0])
    expect(eth.locator(".col-symbol")).to_have_text("ETHUSDT")
    expect(eth.locator(".col-direction")).to_have_text("▲ long")
    expect(eth.locator(".col-score b")).to_have_text("91")
    expect(eth.locator(".col-score .badge")).to_be_visible()
    expect(eth.locator(".col-win")).to_have_text("58")
    expect(eth.locator(".col-after1")).to_have_text("+0.42")
    expect(eth.locator(".col-after1")).to_have_class(re.compile(r"\bup\b"))
    expect(eth.locator(".col-after4")).to_have_text("−0.13")
    expect(eth.locator(".col-after4")).to_have_class(re.compile(r"\bdown\b"))
    expect(eth.locator(".col-now")).to_have_text(re.compile(r"^[\d,]+\.\d\d$"))
    expect(row(page, told[1]).locator(".col-score b")).to_have_text(
        f"{told[1]['score']:.0f}"
    )
    shares = ".score-bar i"
    widths = [
        row(page, signal).locator(shares).bounding_box()["width"]
        for signal in (told[0], told[1])
    ]
    assert widths[0] / widths[1] == pytest.approx(91 / told[1]["score"], rel=0.05)


def test_a_probability_that_is_not_known_says_why(browse, told):
    page = filled(browse(PATH), told)
    cell = row(page, told[1]).locator(".col-win")
    expect(cell).to_have_text("—")
    expect(cell).to_have_attribute("title", re.compile("fewer than 200 outcomes"))


def test_filters_narrow_the_list_and_live_in_the_address(browse, told):
    page = filled(browse(PATH), told)
    btc = of(told, symbol="BTCUSDT")
    page.fill("#signals-symbol", "btc")
    for signal in btc:
        expect(row(page, signal)).to_be_visible()
    expect(row(page, told[0])).to_have_count(0)
    page.click("[data-direction=short]")
    for signal in btc:
        shown = 1 if signal["direction"] == "short" else 0
        expect(row(page, signal)).to_have_count(shown)
    page.fill("#signals-score", "65")
    expect(row(page, of(btc, direction="short")[0])).to_be_visible()
    expect(row(page, of(btc, direction="short")[-1])).to_have_count(0)
    page.reload()
    expect(page.locator("#signals-symbol")).to_have_value("BTC")
    expect(page.locator("#signals-score")).to_have_value("65")
    expect(row(page, of(btc, direction="short")[0])).to_be_visible()
    expect(row(page, told[0])).to_have_count(0)
    page.check("#signals-prime")
    expect(page).to_have_url(re.compile("prime=true"))
    page.click("#signals-interval [data-interval='1h']")
    # The scanner runs too: at the hour it may have found what the other filters want.
    page.fill("#signals-score", "100")
    expect(page.locator(".table-state .state-title")).to_have_text(
        "Nothing matches the filter"
    )


def test_a_row_opens_why_it_has_its_score_with_mouse_and_keyboard(browse, told):
    page = filled(browse(PATH), told)
    row(page, told[0]).locator(".col-confidence").click()
    breakdown = page.locator(f".breakdown[data-signal='{told[0]['id']}']")
    expect(breakdown).to_be_visible()
    trend = breakdown.locator("[data-factor=trend]")
    expect(trend).to_contain_text("averages +2.10 ATR apart, ADX 31")
    # 0.9 × 3 of the weights that are known, 11.5.
    expect(trend).to_contain_text("+0.235")
    expect(breakdown.locator("[data-factor]").first).to_contain_text("Trend")
    forecast = breakdown.locator("[data-factor=forecast]")
    expect(forecast).to_contain_text("unknown")
    expect(breakdown.locator(".inputs")).to_contain_text("taker_base")
    half = trend.locator(".factor-bar").bounding_box()["width"] / 2
    bar = trend.locator("i").bounding_box()
    assert bar["width"] == pytest.approx(half, rel=0.02)
    falls = breakdown.locator("[data-factor=flow]")
    middle = falls.locator(".factor-bar").bounding_box()
    left = falls.locator("i").bounding_box()
    assert left["x"] + left["width"] <= middle["x"] + middle["width"] / 2 + 1
    row(page, told[0]).locator(".expander").press("Enter")
    expect(breakdown).to_have_count(0)
    row(page, told[0]).locator(".expander").press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".breakdown")).to_have_count(1)
    expect(page.locator(".breakdown")).not_to_have_attribute(
        "data-signal", str(told[0]["id"])
    )


def test_a_score_is_checked_for_repainting(browse, told):
    page = filled(browse(PATH), told)
    row(page, told[1]).locator(".expander").click()
    page.click("[data-action=check]")
    result = page.locator(".repaint [data-same]")
    expect(result).to_contain_text("Difference")
    expect(result).to_contain_text(re.compile(r"Stored\s*\d+\.\d\d"))


def test_an_address_opens_the_breakdown_of_one_signal(browse, told):
    page = browse(f"{PATH}?signal={told[0]['id']}")
    dialog = page.locator("#breakdown-dialog")
    expect(dialog.locator("[data-factor=trend]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_without_signals_the_page_says_how_they_come(browse):
    page = browse("/settings/")
    none = {"signals": [], "next_after": None, "epoch": "", "seq": 0}
    page.route("**/api/v1/market/signals?*", lambda route: route.fulfill(json=none))
    page.goto(PATH)
    expect(page.locator(".table-state .state-title")).to_have_text(
        "No signal yet: scan now, or wait for the next bar to close"
    )


def test_the_calibration_shows_wins_by_score_with_interval_and_count(browse, told):
    page = filled(browse(PATH), told)
    bins = page.locator(".calibration-bin")
    expect(bins).to_have_count(5)
    strong = page.locator(".calibration-bin[data-from='70']")
    # 39 of 64: Wilson's interval is 48.7 to 71.9 %.
    expect(strong).to_have_attribute(
        "aria-label", re.compile(r"39 of 64 won, 60\.9 % \(48\.7 to 71\.9 %\)")
    )
    expect(strong).to_contain_text("n 64")
    assert float(strong.locator("circle").get_attribute("cy")) < float(
        page.locator(".calibration-bin[data-from='0'] circle").get_attribute("cy")
    )
    records = page.locator("#factor-records tbody tr")
    expect(records).to_have_count(8)
    expect(records.first).to_contain_text("Trend")
    page.click("[data-source=backtest]")
    expect(page.locator("#calibration .state")).to_be_visible()


def test_the_export_menu_names_files_of_what_is_filtered(browse, told):
    page = filled(browse(PATH), told)
    page.click("[data-direction=long]")
    page.click("#export-menu summary")
    link = page.locator("#export-panel [data-format=parquet]")
    link.focus()
    address = link.get_attribute("href")
    assert address.startswith("/api/v1/market/signals?")
    assert "direction=long" in address
    assert "since=" in address
    assert "format=parquet" in address
    page.keyboard.press("Escape")
    expect(page.locator("#export-panel")).to_be_hidden()


def test_the_real_scanner_scans_all_symbols_and_its_signals_appear(browse):
    page = browse("/market/signals/?min_score=0")
    page.locator("#scan-now:enabled").click(timeout=20_000)
    words = page.locator("#scan-words")
    expect(words).to_contain_text("140 asked, 140 scanned, 0 failed", timeout=60_000)
    row = page.locator("tr[data-key]").first
    expect(row).to_be_visible(timeout=20_000)
    row.locator("button, a").first.focus()
    assert page.locator("tr[data-key]").count() > 0


def test_a_scan_can_be_cancelled(browse, up, told):
    page = filled(browse(PATH), told)
    scanner = up.pid_of("scanner")
    os.kill(scanner, SIGSTOP)
    try:
        page.click("#scan-now")
        expect(page.locator("#scan-words")).to_contain_text("waiting")
        expect(page.locator("#scan-now")).to_be_disabled()
        with page.expect_response("**/cancel"):
            page.click("#scan-cancel")
    finally:
        os.kill(scanner, SIGCONT)
    expect(page.locator("#scan-words")).to_contain_text("cancelled")
    expect(page.locator("#scan-now")).to_be_enabled()


def test_a_list_that_cannot_be_loaded_says_so(browse):
    # A page of its own: what it cannot load is an error in its console.
    other = browse("/settings/").context.new_page()
    other.route("**/api/v1/market/signals?*", lambda route: route.abort())
    other.goto(PATH)
    title = other.locator(".table-state .state-title")
    expect(title).to_have_text("Could not load", timeout=20_000)
    expect(other.locator(".table-state .button")).to_be_visible()


def test_the_page_speaks_chinese(browse, told):
    page = browse("/settings/")
    page.click("#user-menu summary")
    page.click("#user-menu [lang=zh-Hans]")
    page.goto(PATH)
    filled(page, told)
    expect(page.locator("h1")).to_have_text("信号")
    expect(row(page, told[0]).locator(".col-direction")).to_have_text("▲ 做多")
    row(page, told[0]).locator(".expander").click()
    expect(page.locator("[data-factor=trend] b")).to_have_text("趋势")
    why = page.locator(".breakdown [data-factor=trend]")
    expect(why).to_contain_text("均线相距 +2.10 ATR")


@pytest.mark.parametrize("width", [390, 1440])
def test_an_open_breakdown_never_widens_the_page(browse, told, width):
    page = filled(browse(PATH, width=width), told)
    row(page, told[0]).locator(".expander").click()
    breakdown = page.locator(".breakdown")
    expect(breakdown).to_be_visible()
    assert page.evaluate(WIDER) <= 0
    assert breakdown.bounding_box()["width"] <= width


def test_older_signals_are_fetched_page_by_page(browse, told):
    def three(route):
        route.continue_(url=re.sub(r"limit=\d+", "limit=3", route.request.url))

    page = browse("/settings/")
    page.route("**/api/v1/market/signals?*", three)
    page.goto(f"{PATH}?symbol=BTCUSDT&interval=15m")
    oldest = row(page, of(told, symbol="BTCUSDT", interval="15m")[-1])
    more = page.locator("#signals-more")
    expect(more).to_be_visible()
    expect(oldest).to_have_count(0)
    for _ in range(5):
        shown = page.locator("tr[data-key]").count()
        more.locator("button").click()
        expect(page.locator("tr[data-key]").nth(shown)).to_be_visible()
        if oldest.count():
            break
    expect(oldest).to_be_visible()


MAKE_VIEWER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("spectator", password="only-looking-2931")
"""


def test_who_may_only_look_cannot_scan(browse, shell, told):
    shell(MAKE_VIEWER)
    page = browse(PATH, state=None)
    page.fill("#id_username", "spectator")
    page.fill("#id_password", "only-looking-2931")
    page.click("form.plain-card button")
    page.wait_for_url(f"**{PATH}")
    filled(page, told)
    expect(page.locator("#scan-now")).to_be_disabled()
    expect(page.locator("#scan-locked")).to_be_visible()
