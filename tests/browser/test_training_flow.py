"""A study from the form to its model, with the worker that the product itself runs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_training_studies import PATH, filled, previewed

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Trials are processes that load torch, on a machine that does other things too.
PATIENCE_MS = 180_000


def test_a_study_made_on_the_page_runs_appears_live_and_leaves_models(browse):
    page = filled(browse(PATH), **{"#f-name": "a real one", "#f-symbols": "BTCUSDT"})
    page.select_option("[data-param='model.kind']", "dlinear")
    page.select_option("[data-param='train.precision']", "fp16")
    page.check("[name='train.amp_on_cpu']")
    page.fill("#f-trials", "2")
    page.fill("#f-epochs", "2")
    previewed(page)
    page.click("#study-create")
    expect(page).to_have_url(re.compile(r"/training/studies/\d+/$"), timeout=20_000)
    expect(page.locator("#study-name")).to_have_text("a real one", timeout=20_000)
    page.evaluate("window.sameDocument = true")
    first = page.locator("tr[data-key]", has_text="#0")
    expect(first.locator(".col-state")).to_have_text("complete", timeout=PATIENCE_MS)
    expect(first.locator(".col-epochs")).to_have_text("2 / 2")
    expect(first.locator(".col-host")).not_to_have_text("–")
    state = page.locator("#study-state")
    expect(state).to_have_text("complete", timeout=PATIENCE_MS)
    expect(page.locator("#tile-progress")).to_contain_text("2 / 2")
    expect(page.locator("#tile-best")).not_to_contain_text("–")
    assert page.evaluate("window.sameDocument")
    first.locator("a.row-link").click()
    expect(page.locator("#scale-plot .main-svg").first).to_be_attached(timeout=20_000)
    expect(page.locator("#trial-strategies [data-strategy=model]")).to_be_visible()
    page.goto("/training/models/")
    mine = page.locator("tr[data-key]", has_text="a-real-one-")
    expect(mine).to_have_count(2, timeout=20_000)
    answer = page.request.get(mine.first.locator(".col-file a").get_attribute("href"))
    assert answer.body()[:2] == b"PK"
