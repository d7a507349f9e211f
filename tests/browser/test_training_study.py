"""One study: its trials, live; their comparison; Optuna's figures."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import training_rows
from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLOTS = [
    "importances",
    "parallel_coordinate",
    "slice",
    "timeline",
    "intermediate",
    "history",
]
# From the press of a chip on an empty picture until all lines are painted.
TIMED = """() => new Promise((resolve) => {
    const plot = document.getElementById("compare-plot");
    document.querySelector("[data-choice=none]").click();
    Plotly.purge(plot);
    const lines = () => plot.querySelectorAll(".js-line").length;
    if (lines()) throw new Error("the picture is not empty");
    setTimeout(() => {
        const began = performance.now();
        document.querySelector("[data-choice=all]").click();
        const look = () => requestAnimationFrame(() =>
            lines() >= 100 ? resolve(performance.now() - began) : look());
        look();
    }, 500);
})"""


def address(trained, name):
    return f"/training/studies/{trained[name]['study']}/"


def trial(page, trained, number, name="typical"):
    return page.locator(f"tr[data-key='trial-{trained[name]['trials'][number]}']")


def test_trials_show_how_they_ended_and_what_repeats_them(browse, trained):
    page = browse(address(trained, "typical"))
    best = trial(page, trained, 0)
    expect(best.locator(".col-state")).to_have_text("complete", timeout=20_000)
    expect(best.locator(".col-value")).to_have_class(re.compile(r"\bbest\b"))
    expect(best.locator(".col-epochs")).to_have_text("5 / 10")
    expect(best.locator(".col-overflow")).to_have_text("1.20")
    expect(best.locator(".col-params")).to_contain_text("d_model 64")
    expect(trial(page, trained, 3).locator(".col-retry")).to_have_text("#2")
    died = trial(page, trained, 2)
    expect(died.locator(".badge")).to_have_attribute("title", "its process died")
    # What was repeated is not offered again, what was not is.
    expect(died.locator("[data-action=requeue]")).to_be_hidden()
    expect(trial(page, trained, 1).locator("[data-action=requeue]")).to_be_visible()
    expect(trial(page, trained, 5).locator("[data-action=cancel]")).to_be_enabled()
    expect(page.locator("#tile-best")).to_contain_text("0.50000")
    page.click("th.col-value button")
    first = page.locator("tr[data-key]").first
    expect(first.locator(".col-value")).not_to_have_text("–")
    page.click("#trials-state [data-state=failed]")
    expect(page.locator("tr[data-key]")).to_have_count(2)


def test_a_trial_of_another_machine_appears_without_a_reload(browse, trained, writer):
    page = browse(address(trained, "wild"))
    expect(trial(page, trained, 0, "wild")).to_be_visible(timeout=20_000)
    page.evaluate("window.sameDocument = true")
    values = {"study": trained["wild"]["study"], "number": 1, "epochs": 2}
    writer.run(training_rows.ADD_TRIAL, state="complete", **values)
    new = page.locator("tr[data-key]", has_text="#1")
    expect(new.locator(".col-state")).to_have_text("complete")
    expect(new.locator(".col-host")).to_have_text("far-box")
    expect(new.locator(".col-epochs")).to_have_text("2 / 10")
    # Its epochs join the comparison.
    expect(page.locator("[data-trial='1']")).to_be_visible(timeout=20_000)
    assert page.evaluate("window.sameDocument")


def test_scales_of_chosen_trials_are_compared_on_a_log2_axis(browse, trained):
    page = browse(address(trained, "typical"))
    plot = page.locator("#compare-plot")
    expect(plot.locator(".js-line").first).to_be_attached(timeout=20_000)
    drawn = page.evaluate(
        """() => { const { data, layout } = document.getElementById("compare-plot");
        return { names: data.filter((one) => one.name).map((one) => one.name),
            bands: data.filter((one) => one.fill === "toself").length,
            last: data.find((one) => one.name === "#0").y,
            type: layout.yaxis.type, ticks: layout.yaxis.ticktext } }"""
    )
    assert drawn["names"] == ["#0", "#1", "#2", "#3", "#5"]
    assert drawn["bands"] == 5
    assert drawn["type"] == "log"
    assert "2<sup>15</sup>" in drawn["ticks"]
    # 65536, two overflows and growths by a fifth: see the planted rows.
    assert drawn["last"][0] == pytest.approx(65536 / 4 * 1.2)
    page.click("[data-trial='5']")
    expect(page.locator("[data-trial='5']")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#compare-note")).to_have_text("4 of 5 trials")
    page.click("[data-what=validation]")
    page.click("[data-choice=none]")
    expect(page.locator("#compare-state")).to_contain_text("No trial is chosen")
    page.click("#export-menu summary")
    link = page.locator("[data-what=marks][data-format=csv]")
    answer = page.request.get(link.get_attribute("href"))
    assert answer.status == 200
    assert "a step was skipped: lower lr" in answer.text()
    page.keyboard.press("Escape")
    expect(page.locator("#export-panel")).to_be_hidden()


def test_fifty_trials_of_a_hundred_epochs_are_drawn_within_a_second(browse, trained):
    page = browse(address(trained, "many"))
    expect(page.locator("#compare-note")).to_have_text(
        "50 of 50 trials", timeout=20_000
    )
    expect(page.locator("#compare-plot .js-line").first).to_be_attached(timeout=20_000)
    # One undisturbed time is enough: other tests may use the machine meanwhile.
    for _ in range(60):
        took = page.evaluate(TIMED)
        if took < 1000:
            break
    print(f"50 trials × 100 epochs drawn in {took:.0f} ms")
    assert took < 1000


def test_optuna_draws_every_figure_in_the_theme(browse, trained):
    page = browse(address(trained, "many"), theme="light")
    plot = page.locator("#optuna-plot")
    expect(plot.locator(".main-svg").first).to_be_attached(timeout=30_000)
    for kind in PLOTS:
        page.click(f"[data-plot={kind}]")
        expect(plot).to_have_attribute("data-kind", kind, timeout=20_000)
        expect(plot).to_be_visible()
        assert page.evaluate("document.getElementById('optuna-plot').data.length") > 0
    ground = page.evaluate(
        "document.getElementById('optuna-plot').layout.paper_bgcolor"
    )
    assert ground == "rgba(0,0,0,0)"


def test_a_study_without_a_scaler_says_so(browse, trained):
    page = browse(address(trained, "plain"))
    expect(page.locator("#study-reason")).to_have_text("asked by eve", timeout=20_000)
    expect(page.locator("#compare-state")).to_contain_text("No loss scaler")
    expect(page.locator("#tile-overflow")).to_contain_text("no loss scaler")
    expect(trial(page, trained, 0, "plain").locator(".col-overflow")).to_have_text("–")
    page.click("[data-what=train]")
    expect(page.locator("#compare-plot .js-line").first).to_be_attached()


def test_the_study_fits_a_phone(browse, trained):
    page = browse(address(trained, "typical"), width=390)
    expect(page.locator("#compare-plot .js-line").first).to_be_attached(timeout=20_000)
    assert page.evaluate(WIDER) <= 0
