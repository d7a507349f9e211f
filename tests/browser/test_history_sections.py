"""Connections: incidents of a day, recurring losses, export."""

import csv
import io
import json
import re
import time

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/market/connections/"
# Far from now: what other tests cut within these minutes must not join the pattern.
MINUTE = (time.gmtime().tm_min + 30) % 60
PLANT = f"""
import time
from market.models import ConnectionEvent
hour = 3_600_000
start = int(time.time() * 1000) // hour * hour - 9 * hour
rows = [(start, "connected")]
for turn in range(7):
    at = start + turn * hour + {MINUTE} * 60_000
    rows += [(at, "disconnected"), (at + 90_000, "connected")]
rows += [(start + 8 * hour, "stopped"), (start + 8 * hour + 60_000, "failed")]
ConnectionEvent.objects.bulk_create(
    ConnectionEvent(
        venue="simulator", at=at, connection="planted-1", route="market", kind=kind,
        reason="the line was cut",
    )
    for at, kind in rows
)
"""


@pytest.fixture(scope="module", autouse=True)
def _planted(shell):
    shell(PLANT)


def test_the_picture_shows_when_a_connection_was_away(browse):
    page = browse(PATH)
    picture = page.locator("svg.incidents")
    expect(picture).to_be_visible(timeout=20_000)
    expect(picture.locator(".incident-name", has_text="planted-1")).to_be_visible()
    away = picture.locator(".incident-away", has_text="planted-1: away")
    expect(away).to_have_count(7)
    stopped = picture.locator(".incident-away[data-kind=stopped]")
    expect(stopped.first).to_be_visible()
    expect(picture.locator(".incident-mark[data-kind=failed]").first).to_be_visible()
    expect(picture).to_have_attribute("aria-label", re.compile(r"Last 24 hours: \d+"))
    times = picture.locator(".incident-time").all_text_contents()
    assert len(times) >= 4
    assert all(re.fullmatch(r"\d\d:00", text) for text in times)


def test_a_recurring_loss_is_shown_with_its_evidence(browse):
    page = browse(PATH)
    pattern = page.locator(".patterns li[data-kind=minute_of_hour]", has_text="planted")
    expect(pattern).to_contain_text(f"{MINUTE} min", timeout=20_000)
    expect(pattern).to_contain_text("expected by chance")
    expect(page.locator("#patterns-note")).to_contain_text("p < 0.001")


def test_the_export_menu_downloads_files(browse):
    page = browse(PATH)
    page.click("#export-menu summary")
    with page.expect_download() as caught:
        page.click("[data-kind-of-file=events][data-format=csv]")
    rows = list(csv.DictReader(io.StringIO(caught.value.path().read_text())))
    assert any(row["connection"] == "planted-1" for row in rows)
    assert {row["badge"] for row in rows} == {"SIMULATED"}
    with page.expect_download() as caught:
        page.click("[data-kind-of-file=statistics][data-format=json]")
    assert caught.value.suggested_filename.startswith("connection-statistics-simulator")
    report = json.loads(caught.value.path().read_text())
    assert {row["scope"] for row in report["rows"]} == {"connection", "total"}
    with page.expect_download() as caught:
        page.click("[data-kind-of-file=events][data-format=parquet]")
    assert caught.value.path().read_bytes()[:4] == b"PAR1"
    page.keyboard.press("Escape")
    expect(page.locator("#export-panel")).to_be_hidden()
