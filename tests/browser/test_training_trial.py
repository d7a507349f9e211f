"""One trial, live: losses, what the loss scale did and what to try, where it runs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import training_rows
from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHARTS = ("scale-plot", "loss-plot", "overflow-plot", "norm-plot", "rate-plot")
DRAWN = """() => { const { data, layout } = document.getElementById("scale-plot");
    return { line: [data[0].x, data[0].y, data[0].line.shape], type: layout.yaxis.type,
        marks: Object.fromEntries(data.slice(1).map((one) => [one.name, one.x])),
        advice: data[1].text[0], shown: layout.annotations?.length ?? 0,
        range: layout.xaxis.range } }"""


def address(trained, number, name="typical"):
    return f"/training/trials/{trained[name]['trials'][number]}/"


def drawn(page, chart="scale-plot"):
    expect(page.locator(f"#{chart} .main-svg").first).to_be_attached(timeout=20_000)
    return page


def test_every_chart_is_drawn_and_the_process_is_named(browse, trained):
    page = browse(address(trained, 0))
    for chart in CHARTS:
        drawn(page, chart)
    expect(page.locator("#trial-name")).to_have_text("Trial #0")
    expect(page.locator("#tile-epochs")).to_contain_text("5 / 10")
    expect(page.locator("#tile-overflow")).to_contain_text("1.20")
    process = page.locator("#trial-process")
    expect(process).to_contain_text("box")
    expect(process).to_contain_text("4711")
    expect(process).to_contain_text("65,536 (2^16)")
    expect(page.locator("#trial-params")).to_contain_text("learning_rate")
    expect(page.locator("#back")).to_have_text("← typical")
    drawn(page, "equity-plot")
    mine = page.locator("#trial-strategies [data-strategy=model]")
    expect(mine).to_contain_text("12.0")
    direction = page.locator("[data-error-of=directional_accuracy]")
    expect(direction).to_contain_text("52.3")


def test_the_scale_is_drawn_in_steps_with_a_mark_for_each_event(browse, trained):
    page = drawn(browse(address(trained, 0)))
    found = page.evaluate(DRAWN)
    batches, scales, shape = found["line"]
    assert (shape, found["type"]) == ("hv", "log")
    assert dict(zip(batches, scales, strict=True))[0] == 65536
    assert dict(zip(batches, scales, strict=True))[11] == 65536 / 4
    assert batches[-1] == 250
    assert found["marks"]["Overflow"] == [10, 11, 60]
    assert found["marks"]["Growth"] == [25, 75, 125, 175, 225]
    assert "a step was skipped: lower lr" in found["advice"]
    # The list below is reached by keyboard and shows the place.
    page.click("#marks-kind [data-kind=overflow]")
    marks = page.locator("#marks button")
    expect(marks).to_have_count(3)
    expect(marks.first).to_contain_text("epoch 1, batch 60")
    expect(marks.first).to_contain_text("a step was skipped: lower lr")
    page.locator("#marks").focus()
    page.keyboard.press("Tab")
    expect(marks.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(marks.first).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"() => ({DRAWN})().shown === 1")
    found = page.evaluate(DRAWN)
    assert found["range"][0] < 60 < found["range"][1]
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({DRAWN})().shown === 0")


def test_the_diagnosis_follows_from_the_data(browse, trained):
    page = browse(address(trained, 0))
    diagnosis = page.locator("#diagnosis")
    expect(diagnosis).to_have_attribute("data-kind", "healthy", timeout=20_000)
    expect(diagnosis).to_contain_text("189 batches without an overflow")
    page.goto(address(trained, 0, "wild"))
    # 10 of the batches after the first 100, in which the scaler looks for its scale.
    expect(diagnosis).to_have_attribute("data-kind", "unstable", timeout=20_000)
    expect(diagnosis).to_contain_text("10.00 % of the last 100 batches")
    page.goto(address(trained, 1))
    expect(diagnosis).to_have_attribute("data-kind", "calibration", timeout=20_000)


def test_a_trial_without_a_scaler_says_so(browse, trained):
    page = drawn(browse(address(trained, 0, "plain")), "loss-plot")
    expect(page.locator("#diagnosis")).to_contain_text("No loss scaler")
    expect(page.locator("#diagnosis")).to_contain_text("fp32 has the range")
    expect(page.locator("#scale-plot")).to_be_hidden()
    expect(page.locator("#scale-state")).to_contain_text("only fp16 is scaled")
    expect(page.locator("#marks")).to_be_hidden()


def test_an_epoch_appears_when_it_ends_without_a_reload(browse, trained, writer):
    page = drawn(browse(address(trained, 5)))
    expect(page.locator("#tile-epochs")).to_contain_text("4 / 10")
    expect(page.locator("#tile-heartbeat")).to_contain_text(
        re.compile(r"\d s|\d min \d+ s")
    )
    page.evaluate("window.sameDocument = true")
    values = {"trial": trained["typical"]["trials"][5], "epoch": 4}
    writer.run(training_rows.ADD_EPOCH, scale=65536.0, overflow=210, **values)
    expect(page.locator("#tile-epochs")).to_contain_text("5 / 10")
    expect(page.locator("#marks button").first).to_contain_text("epoch 4, batch 225")
    expect(page.locator("#scale-note")).to_contain_text("250 batches")
    page.wait_for_function(
        "() => document.getElementById('loss-plot').data[0].x.at(-1) === 4"
    )
    assert page.evaluate("window.sameDocument")


def test_a_running_trial_is_cancelled_only_after_a_question(browse, trained):
    page = browse(address(trained, 5))
    cancel = page.locator("#trial-actions [data-action=cancel]")
    cancel.click(timeout=20_000)
    page.click("dialog [value=no]")
    expect(page.locator("#trial-state")).to_have_text("running")
    cancel.click()
    page.click("dialog [value=yes]")
    expect(page.locator("#trial-state")).to_contain_text("cancel asked")
    expect(cancel).to_be_disabled()


def test_the_trial_fits_a_phone(browse, trained):
    page = drawn(browse(address(trained, 0), width=390, theme="light"))
    assert page.evaluate(WIDER) <= 0
    expect(page.locator("#scale-plot")).to_have_attribute("data-theme", "light")


def test_what_is_not_there_is_said_to_be_missing(browse):
    # A page of its own: what is not found is an error in its console.
    page = browse("/settings/").context.new_page()
    page.goto("/training/trials/999999/")
    missing = page.locator("#trial-missing")
    expect(missing).to_contain_text("There is no such trial", timeout=20_000)
    page.goto("/training/studies/999999/")
    missing = page.locator("#study-missing")
    expect(missing).to_contain_text("There is no such study", timeout=20_000)
