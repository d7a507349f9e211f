"""Alerts: raised by any process, seen at once, acknowledged with one click."""

import contextlib
import re

import pytest
from playwright.sync_api import TimeoutError as SlowPageError
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/alerts/"
# The badge shows as many open alerts as the server knows.
AGREES = """async () => {
    const { totals } = await (await fetch('/api/v1/alerts?limit=1')).json();
    const badge = document.getElementById('alerts-open');
    return totals.open === (badge.hidden ? 0 : Number(badge.textContent)); }"""
RAISE = """
from core import alerts
alerts.alert_raise(
    key={key!r}, severity={severity!r}, source="test", title={title!r},
    text="market-9: 10 dials without data", advice="Look at the line.",
)
"""


@pytest.fixture
def raised(shell):
    keys = []

    def make(key, severity="critical"):
        keys.append(key)
        shell(RAISE.format(key=key, severity=severity, title=f"Trouble {key}"))

    yield make
    shell(f"from core import alerts; alerts.alerts_resolve({keys!r})")


def row(page, key):
    return page.locator("tr[data-key]", has_text=f"Trouble {key}")


def test_an_alert_appears_by_itself_is_counted_and_acknowledged(browse, raised):
    page = browse(PATH)
    expect(page.locator("[data-count=open]")).to_have_text(re.compile(r"\d"))
    elsewhere = browse("/settings/")
    raised("k1")
    expect(row(page, "k1")).to_contain_text("critical", timeout=20_000)
    badge = elsewhere.locator("#alerts-open")
    expect(badge).to_be_visible()
    expect(badge).to_have_attribute("data-worst", "critical")
    raised("k1")
    expect(row(page, "k1").locator(".col-count")).to_have_text("2")
    row(page, "k1").locator(".expander").click()
    detail = page.locator(".detail-row")
    expect(detail).to_contain_text("Look at the line.")
    row(page, "k1").locator("[data-action=acknowledge]").click()
    expect(page.locator(".toast")).to_contain_text("Acknowledged")
    expect(row(page, "k1")).to_have_count(0)
    # The product may raise and settle alerts of its own meanwhile.
    elsewhere.wait_for_function(AGREES)
    page.click("#alert-states [data-state=acknowledged]")
    expect(row(page, "k1").locator("[data-action=acknowledge]")).to_be_hidden()
    expect(page).to_have_url(re.compile("state=acknowledged"))
    page.reload()
    expect(row(page, "k1")).to_be_visible(timeout=20_000)


def test_a_resolved_alert_leaves_the_open_ones(browse, raised, shell):
    raised("k2", "warning")
    page = browse(PATH)
    expect(row(page, "k2")).to_be_visible(timeout=20_000)
    shell("from core import alerts; alerts.alert_resolve('k2')")
    expect(row(page, "k2")).to_have_count(0, timeout=20_000)
    page.click("#alert-states [data-state=resolved]")
    expect(row(page, "k2")).to_contain_text("resolved")


def test_severities_are_filtered_and_nothing_has_a_word(browse, raised):
    raised("k3", "info")
    page = browse(PATH)
    expect(row(page, "k3")).to_be_visible(timeout=20_000)
    page.click("#alert-severities [data-severity=error]")
    expect(row(page, "k3")).to_have_count(0)
    expect(page.locator(".state-title")).to_have_text("Nothing matches the filter")
    page.click("#alert-severities [data-severity=info]")
    expect(row(page, "k3")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?severity=info$"))


def test_a_list_that_cannot_be_loaded_says_so_and_tries_again(browse):
    # A page of its own: what it cannot load is an error in its console.
    other = browse("/settings/").context.new_page()
    other.route("**/api/v1/alerts?*", lambda route: route.abort())
    other.goto(PATH)
    expect(other.locator(".state-title")).to_have_text("Could not load", timeout=20_000)
    button = other.locator(".state .button")
    expect(button).to_be_visible()
    other.unroute("**/api/v1/alerts?*")
    # The page may try again by itself before the click does.
    with contextlib.suppress(SlowPageError):
        button.click(timeout=2_000)
    expect(other.locator(".state-title")).not_to_have_text("Could not load")


def test_who_may_only_look_cannot_acknowledge(browse, raised, shell):
    shell(
        "from django.contrib.auth import get_user_model;"
        "get_user_model().objects.create_user('watcher', password='only-looking-815')"
    )
    raised("k4")
    page = browse(PATH, state=None)
    page.fill("#id_username", "watcher")
    page.fill("#id_password", "only-looking-815")
    page.click("form.plain-card button")
    page.wait_for_url(f"**{PATH}")
    button = row(page, "k4").locator("[data-action=acknowledge]")
    expect(button).to_be_disabled(timeout=20_000)
    expect(page.locator("#alerts-locked")).to_be_visible()
