"""Training: the list of studies, and the form of a new one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import training_rows
from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/training/"


def line(page, name):
    return page.locator("tr[data-key]", has_text=name)


def opened(page):
    page.locator("#new-study-button:enabled").click(timeout=20_000)
    expect(page.locator("#study-form")).to_be_visible(timeout=20_000)
    return page


def filled(page, **changed):
    """The form with a small window, so that the short history of the tests is enough."""
    opened(page)
    values = {"#f-name": "from the page", "#f-label": "8", "#f-pred": "1"} | changed
    for field, value in values.items():
        page.fill(field, value)
    page.fill("[data-param='window.seq_len']", "16")
    page.select_option("#f-interval", "15m")
    return page


def previewed(page):
    page.click("#study-preview-button")
    expect(page.locator("#preview-word")).to_be_visible(timeout=20_000)
    return page


def error_at(page, field):
    return page.locator(f"[data-field~='{field}'] .field-error")


def test_studies_show_state_progress_best_value_and_who(browse, trained):
    page = browse(PATH)
    typical = line(page, "typical")
    expect(typical.locator(".col-state")).to_have_text("complete", timeout=20_000)
    expect(typical.locator(".col-progress")).to_have_text("3 / 6")
    expect(typical.locator(".col-failed")).to_have_text("2")
    expect(typical.locator(".col-best")).to_have_text("0.50000")
    expect(typical.locator(".col-by")).to_have_text("ada")
    share = typical.locator(".progress-bar i")
    whole = typical.locator(".progress-bar").bounding_box()["width"]
    assert share.bounding_box()["width"] == pytest.approx(whole / 2, abs=1)
    page.click("#studies-state [data-state=cancelled]")
    expect(line(page, "plain")).to_be_visible()
    expect(typical).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?state=cancelled$"))
    page.reload()
    expect(line(page, "plain")).to_be_visible(timeout=20_000)
    expect(typical).to_have_count(0)


def test_a_study_made_elsewhere_appears_by_itself(browse, trained, writer):
    page = browse(PATH)
    expect(line(page, "typical")).to_be_visible(timeout=20_000)
    page.evaluate("window.sameDocument = true")
    writer.run(training_rows.ADD_STUDY, name="from afar")
    new = line(page, "from afar")
    expect(new.locator(".col-best")).to_have_text("0.25000")
    expect(new.locator(".col-by")).to_have_text("zoe")
    assert page.evaluate("window.sameDocument")
    new.locator("a.row-link").click()
    expect(page.locator("#study-name")).to_have_text("from afar", timeout=20_000)


def test_a_study_can_be_made_only_after_a_look_at_its_data(browse):
    page = filled(browse(PATH, width=390, theme="light"))
    create = page.locator("#study-create")
    expect(create).to_be_disabled()
    previewed(page)
    expect(page.locator("#preview-word")).to_contain_text("good")
    row = page.locator("[data-symbol=BTCUSDT]")
    expect(row).to_contain_text("none found")
    expect(page.locator("#study-preview")).to_contain_text(
        re.compile(r"training\s*[1-9].*validation\s*[1-9].*test\s*[1-9]", re.DOTALL)
    )
    expect(page.locator("#study-preview")).to_contain_text("standard deviation")
    expect(create).to_be_enabled()
    assert page.evaluate(WIDER) <= 0
    page.fill("#f-trials", "7")
    expect(create).to_be_enabled()
    page.fill("#f-symbols", "BTCUSDT, NOSUCHUSDT")
    expect(create).to_be_disabled()
    expect(page.locator("#create-why")).to_contain_text("look at it again")
    page.click("#study-preview-button")
    expect(page.locator("#preview-word")).to_contain_text("refused", timeout=20_000)
    expect(page.locator("[data-symbol=NOSUCHUSDT]")).to_contain_text("there is no bar")
    expect(create).to_be_disabled()


def test_the_server_says_what_is_wrong_at_the_field(browse):
    # A page of its own: a refused request is an error in its console.
    page = browse("/settings/").context.new_page()
    page.goto(PATH)
    filled(page)
    page.fill("#f-epochs", "0")
    page.click("#study-preview-button")
    expect(error_at(page, "train.epochs")).to_have_text(
        re.compile("above 0"), timeout=20_000
    )
    expect(page.locator("#f-epochs")).to_have_attribute("aria-invalid", "true")
    page.fill("#f-epochs", "2")
    page.select_option("[data-mode='train.batch_size']", "range")
    page.fill("[data-low='train.batch_size']", "64")
    page.fill("[data-high='train.batch_size']", "16")
    page.click("#study-preview-button")
    expect(error_at(page, "space.train.batch_size")).to_contain_text("above high")
    expect(error_at(page, "train.epochs")).to_be_hidden()


def test_each_parameter_is_fixed_a_range_or_choices(browse):
    page = filled(browse(PATH))
    page.select_option("[data-mode='model.kind']", "choices")
    page.uncheck("[data-field~='space.model.kind'] [data-choice=ridge]")
    page.select_option("[data-mode='model.d_model']", "choices")
    page.fill("[data-choices='model.d_model']", "8, 16")
    page.select_option("[data-mode='loss.kind']", "choices")
    with page.expect_request("**/studies/preview") as asked:
        page.click("#study-preview-button")
    spec = asked.value.post_data_json["spec"]
    kinds = ["informer", "transformer", "dlinear", "persistence"]
    assert spec["space"] == {
        "model.kind": {"choices": kinds},
        "model.d_model": {"choices": [8, 16]},
        "model.dropout": {"low": 0, "high": 0.3, "log": False},
        "train.learning_rate": {"low": 0.0001, "high": 0.01, "log": True},
        # All but the one with a target more than the others.
        "loss.kind": {
            "choices": ["mse", "mae", "huber", "madl", "gmadl", "gmadl_normalised"]
        },
    }
    assert spec["window"] == {"seq_len": 16, "label_len": 8, "pred_len": 1}
    assert spec["train"]["batch_size"] == 32
    expect(page.locator("#preview-word")).to_be_visible(timeout=20_000)


def test_the_overview_shows_how_training_stands(browse, trained):
    page = browse("/")
    mine = page.locator(f"#training-card [data-study='{trained['typical']['study']}']")
    many = page.locator("#training-card tbody tr")
    expect(many.first).to_be_visible(timeout=20_000)
    assert many.count() <= 4
    if mine.count():
        expect(mine).to_contain_text("3 / 6")
    many.first.locator("a").click()
    expect(page).to_have_url(re.compile(r"/training/studies/\d+/$"))


def test_the_training_pages_speak_chinese(browse, trained):
    page = browse("/settings/")
    page.click("#user-menu summary")
    page.click("#user-menu [lang=zh-Hans]")
    page.goto(PATH)
    expect(page.locator("h1")).to_have_text("训练")
    typical = line(page, "typical")
    expect(typical.locator(".col-state")).to_have_text("已完成", timeout=20_000)


MAKE_WATCHER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("bystander", password="only-looking-7731")
"""


def test_who_may_only_look_cannot_train(browse, writer, trained):
    writer.run(MAKE_WATCHER)
    page = browse(PATH, state=None)
    page.fill("#id_username", "bystander")
    page.fill("#id_password", "only-looking-7731")
    page.click("form.plain-card button")
    page.wait_for_url(f"**{PATH}")
    expect(line(page, "plain").locator("[data-action=requeue]")).to_be_disabled(
        timeout=20_000
    )
    expect(page.locator("#new-study-button")).to_be_disabled()
    expect(page.locator("#study-locked")).to_be_visible()
