"""Risk: trading stopped and allowed again, limits changed, refused orders named."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_sentences import (
    CHINESE,
    losses,
    refusals,
    refused_fields,
    shares,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/risk/"
SET = """
from risk import services
services.state_set(venue="simulator", state={state!r}, actor="bob", reason={reason!r})
"""
REFUSED = """
import time
from accounts.intent_documents import IntentResult, document
from accounts.models import Intent
now = time.time_ns() // 1_000_000
Intent.objects.create(
    venue="simulator", kind="place", state="refused", actor="carol",
    payload={"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.5"},
    result=document(IntentResult(message="too old and too much",
        codes=("stale_quote", "max_notional"))),
    created_at=now, deadline=now, ended_at=now, audited=True,
)
"""
WATCHER = (
    "from django.contrib.auth import get_user_model;"
    "get_user_model().objects.create_user('passer-by', password='only-looking-815')"
)


@pytest.fixture
def trading(shell):
    """Set the state in a process of its own; ACTIVE and the usual limits again at the end."""

    def put(state, reason=""):
        shell(SET.format(state=state, reason=reason))

    yield put
    shell(
        SET.format(state="ACTIVE", reason="")
        + "from risk.models import RiskLimits; RiskLimits.objects.all().delete()"
    )


def badge(page):
    return page.locator("#trading-badge")


def choose(page, state, reason=""):
    page.click(f"#state-choices [data-state={state}]")
    dialog = page.locator("dialog")
    dialog.locator("#state-reason").fill(reason)
    dialog.locator("button[type=submit]").click()
    return dialog


ONE_RULE_TWICE = """async () => {
  const { errorText } = await import("/static/js/accounts.js");
  return errorText({
    message: "2 is refused: too small",
    details: [
      { field: "quantity", rule: "too small" },
      { account: "a", message: "away" },
      { account: "b", message: "away" },
    ],
  });
}"""


def test_a_halt_needs_a_reason_and_every_open_page_follows_it(browse, trading):
    page, elsewhere = browse(PATH), browse("/settings/")
    for one in (page, elsewhere):
        expect(badge(one)).to_have_text("ACTIVE")
    elsewhere.evaluate("window.sameDocument = true")
    dialog = choose(page, "HALTED")
    expect(dialog.locator(".field-error")).to_have_text("Say why.")
    expect(dialog.locator("#state-reason")).to_be_focused()
    expect(badge(elsewhere)).to_have_text("ACTIVE")
    dialog.locator("#state-reason").fill("odd prices")
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#state-now")).to_contain_text("odd prices")
    expect(page.locator("#state-now")).to_contain_text("by admin")
    for one in (page, elsewhere):
        expect(badge(one)).to_have_text("HALTED")
    expect(badge(elsewhere)).to_have_attribute("title", re.compile("odd prices"))
    newest = page.locator("#changes li").first
    expect(newest).to_contain_text("ACTIVE → HALTED")
    expect(newest).to_contain_text("odd prices")
    # A change that no page made, but another process.
    trading("REDUCING", "prices agree")
    expect(page.locator("#state-now")).to_contain_text("by bob")
    for one in (page, elsewhere):
        expect(badge(one)).to_have_text("REDUCING")
    assert elsewhere.evaluate("window.sameDocument")
    choose(page, "ACTIVE", "all well")
    expect(badge(elsewhere)).to_have_text("ACTIVE")


def test_a_limit_is_changed_with_a_reason(browse, trading):
    page = browse(PATH)
    entry = page.locator("#limit-max-notional")
    expect(entry).to_have_value("100000")
    expect(page.locator("#limits-save")).to_be_disabled()
    entry.fill("250,000")
    page.fill("#limit-reason", "larger accounts")
    page.click("#limits-save")
    expect(page.locator(".toast")).to_contain_text("Limits saved")
    expect(entry).to_have_value("250000")
    expect(page.locator("#now-max-notional")).to_have_text("in force: 250,000")
    newest = page.locator("#changes li").first
    expect(newest).to_contain_text("100,000 → 250,000")
    expect(newest).to_contain_text("larger accounts")


def test_a_limit_that_makes_no_sense_is_told_at_its_field(browse):
    # A page of its own: a refused request is an error in its console.
    page = browse("/settings/").context.new_page()
    page.goto(PATH)
    field = page.locator("[data-field=quote_age_seconds]")
    entry, problem = field.locator("input"), field.locator(".field-error")
    expect(entry).to_have_value("5")
    for wrong, rule in (("0", "above 0"), ("soon", "valid number")):
        entry.fill(wrong)
        page.click("#limits-save")
        expect(problem).to_contain_text(rule)
        expect(entry).to_have_attribute("aria-invalid", "true")
        expect(entry).to_be_focused()
    expect(page.locator("#now-quote-age")).to_have_text("in force: 5")
    page.click("#limits-reset")
    expect(entry).to_have_value("5")
    expect(problem).to_be_hidden()


def test_refused_orders_are_named_with_the_rules_they_broke(browse, shell):
    page = browse(PATH)
    table = page.locator("table[aria-label='Refused orders']")
    shell(REFUSED)
    row = table.locator("tr[data-key]", has_text="carol")
    expect(row).to_contain_text("price too old")
    expect(row.locator("[title=max_notional]")).to_have_text("worth too much")
    expect(row.locator(".col-quantity")).to_have_text("0.5")


def test_what_the_server_says_is_told_in_the_language_of_the_page(browse):
    # A page of its own: a refused request is an error in its console.
    page = browse("/settings/").context.new_page()
    page.goto(PATH)
    page.click("#user-menu summary")
    page.click("#user-menu [value=zh-hans]")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    field = page.locator("[data-field=quote_age_seconds]")
    expect(field.locator("input")).to_have_value("5")
    field.locator("input").fill("0")
    page.click("#limits-save")
    expect(field.locator(".field-error")).to_have_text("必须是大于 0 的有限数")
    texts = [
        *("trading is halted; only reducing orders pass; nobody knows this", "filled"),
        "main: quantity: 2 is refused: is worth 60 at 30; the least is 100",
        "market-1: no pong within 5 s of a ping (TimeoutError: late)",
        *(*refusals(), *shares(), *losses(), *refused_fields()),
    ]
    told = page.evaluate(
        """async (texts) => {
          const { told } = await import("/static/js/told.js");
          return texts.map(told);
        }""",
        texts,
    )
    assert told == [CHINESE.told(text) for text in texts]
    assert (
        page.evaluate(ONE_RULE_TWICE) == "2 is refused: too small · a: away · b: away"
    )


def test_who_may_only_look_changes_nothing(browse, shell, trading):
    shell(WATCHER)
    trading("HALTED", "odd prices")
    page = browse(PATH, state=None)
    page.fill("#id_username", "passer-by")
    page.fill("#id_password", "only-looking-815")
    page.click("form.plain-card button")
    page.wait_for_url(f"**{PATH}")
    expect(page.locator("#state-now")).to_contain_text("odd prices")
    for state in ("ACTIVE", "REDUCING"):
        choice = page.locator(f"#state-choices [data-state={state}]")
        expect(choice).to_be_disabled()
    expect(page.locator("#limit-max-notional")).to_be_disabled()
    expect(page.locator("#limits-save")).to_have_count(0)


def test_what_cannot_be_loaded_says_so_and_recovers(browse):
    # A page of its own: what it cannot load is an error in its console.
    other = browse("/settings/").context.new_page()
    other.route("**/api/v1/risk/*", lambda route: route.abort())
    other.goto(PATH)
    for place in ("#state-now", "#changes"):
        expect(other.locator(f"{place} .state-title")).to_have_text("Could not load")
    expect(badge(other)).to_be_hidden()
    other.unroute("**/api/v1/risk/*")
    expect(other.locator("#state-now")).to_contain_text("ACTIVE")
    expect(badge(other)).to_have_text("ACTIVE")
