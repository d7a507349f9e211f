"""Versions of models: list, comparison, files."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/training/models/"


def test_versions_are_listed_compared_and_downloaded(browse, trained):
    first, second = trained["versions"]
    page = browse(PATH)
    row = page.locator(f"tr[data-key='{first}']")
    expect(row.locator(".col-name")).to_have_text("browser-a", timeout=20_000)
    expect(row.locator(".col-kind")).to_have_text("informer")
    expect(row.locator(".col-loss")).to_have_text("0.50000")
    expect(row.locator(".col-trial")).to_have_text("#0")
    expect(page.locator("#compare")).to_contain_text("Choose two versions or more")
    page.check(f"[data-version='{first}']")
    page.check(f"[data-version='{second}']")
    differs = page.locator("#compare tr[data-name='test.mae']")
    expect(differs).to_contain_text("0.01")
    expect(differs).to_contain_text("0.02")
    same = page.locator("#compare tr[data-name='model.d_model']")
    expect(same).to_have_count(0)
    page.uncheck("#compare-differ")
    expect(same).to_have_count(1)
    page.reload()
    expect(differs).to_be_visible(timeout=20_000)
    answer = page.request.get(row.locator(".col-file a").get_attribute("href"))
    assert answer.status == 200
    assert answer.body()[:2] == b"PK"
    page.fill("#models-filter", "active")
    expect(row).to_have_count(0)
    expect(page.locator(f"tr[data-key='{second}']")).to_be_visible()
