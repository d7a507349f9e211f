"""What all pages have in common."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Path → what is there once the page has its data.
PAGES = {
    "/": "#heat a",
    "/market/": "tbody tr .col-price",
    "/market/symbols/BTCUSDT/": ".chart-plot .main-svg",
    "/training/": "#studies-note:not(:empty)",
    "/training/models/": "#models-note:not(:empty)",
    "/market/connections/": "tr[data-key] .badge",
    # A day that has just begun has no bar yet.
    "/market/gaps/": "#coverage-note:not(:empty), .state-title",
    "/market/signals/": "#signals-note:not(:empty)",
    "/risk/": "#state-now .risk-word",
    "/alerts/": "#alerts-note:not(:empty)",
    "/settings/": "#settings-table td",
}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1440, "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_page_fits_its_window_and_is_live(browse, path, width, theme):
    page = browse(path, width=width, theme=theme)
    expect(page.locator(PAGES[path]).first).to_be_visible(timeout=60_000)
    expect(page.locator("#link-state")).to_have_attribute("data-state", "open")
    expect(page.locator(".venue-badge")).to_have_text("SIMULATED")
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert page.evaluate(WIDER) <= 0


def test_the_theme_button_repaints_page_and_chart_and_is_kept(browse):
    page = browse("/market/symbols/BTCUSDT/")
    expect(page.locator(".chart-plot")).to_have_attribute(
        "data-theme", "dark", timeout=30_000
    )
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.click("#theme-button")
    expect(page.locator(".chart-plot")).to_have_attribute("data-theme", "light")
    assert page.evaluate(background) != dark
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_times_switch_to_utc_and_the_choice_is_kept(browse):
    page = browse("/")
    page.click("#user-menu summary")
    page.click("#time-button")
    expect(page.locator("#clock")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d UTC$"))
    page.reload()
    expect(page.locator("#clock")).to_have_text(re.compile("UTC$"))


def test_the_first_tab_stop_skips_the_navigation(browse):
    page = browse("/settings/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_lost_socket_is_shown_and_comes_back_by_itself(browse):
    page = browse("/market/")
    expect(page.locator("tbody tr").first).to_be_visible(timeout=30_000)
    expect(page.locator("#link-state")).to_have_attribute("data-state", "open")
    # Read in the page itself: it connects again within half a second.
    shown = page.evaluate(
        """async () => {
            const { live } = await import('/static/js/socket.js');
            live.drop();
            return document.getElementById('link-state').dataset.state;
        }"""
    )
    assert shown == "waiting"
    expect(page.locator("#link-state")).to_have_attribute(
        "data-state", "open", timeout=20_000
    )
    price = page.locator("tbody tr .col-price").first
    before = price.inner_text()
    expect(price).not_to_have_text(before, timeout=20_000)


def test_settings_are_filtered_and_no_secret_is_shown(browse):
    page = browse("/settings/")
    page.fill("#settings-filter", "ws_reconnect_max_delay")
    rows = page.locator("#settings-table tr[data-changed]:visible")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("60")
    page.fill("#settings-filter", "")
    page.check("#settings-changed")
    expect(page.locator("#settings-table")).to_contain_text("MARKET_HISTORY_BARS")


def test_a_wrong_address_gets_a_page_of_the_product(browse, up):
    page = browse("/settings/")
    answer = page.request.get("/no/such/page/")
    assert answer.status == 404
    assert "There is no such page" in answer.text()
    assert "SIMULATED" in answer.text()


def test_who_is_not_signed_in_sees_only_the_login(browse):
    page = browse("/market/", state=None)
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/market/"))
    page.fill("#id_username", "admin")
    page.fill("#id_password", "wrong")
    page.click("form.plain-card button")
    expect(page.locator(".form-error")).to_be_visible()


def test_ages_and_dates_of_charts_are_in_the_language_of_the_page(browse):
    page = browse("/market/symbols/BTCUSDT/")
    page.click("#user-menu summary")
    page.click("#user-menu [value=zh-hans]")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.locator("#link-state .link-age")).to_have_text(
        re.compile(r"^[\d.]+ 秒$")
    )
    dates = page.locator(".chart-plot .xtick text", has_text="年")
    expect(dates.first).to_have_text(re.compile(r"\d{4}年\d{1,2}月\d{1,2}日"))


def test_a_phone_shows_the_current_tab_and_whole_titles(browse):
    page = browse("/accounts/performance/", width=390)
    tab = page.locator(".tabs [aria-current=page]")
    expect(tab).to_be_in_viewport(ratio=0.99)
    expect(page.locator("#link-state")).to_have_attribute("data-state", "open")
    expect(page.locator("#trading-badge")).to_have_text("ACTIVE")
    assert page.evaluate(
        """() => {
            const badge = document.getElementById('trading-badge');
            badge.dataset.state = badge.textContent = 'REDUCING';
            const title = document.querySelector('.header-title');
            return title.scrollWidth <= title.clientWidth;
        }"""
    )


def test_a_phone_has_room_for_the_values_of_settings(browse):
    page = browse("/settings/", width=390)
    widths = page.locator("#settings-table td.value:visible").evaluate_all(
        "(cells) => cells.map((cell) => cell.clientWidth)"
    )
    assert min(widths) >= 100
