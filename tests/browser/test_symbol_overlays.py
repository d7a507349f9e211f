"""One symbol: indicators, zones and signals drawn on its candles."""

import contextlib
import json
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import WIDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/market/symbols/BTCUSDT/"
EVERYTHING = (
    "ema_fast", "ema_slow", "bollinger", "rsi", "macd", "adx", "gaps", "blocks",
    "events", "marks",
)  # fmt: skip
TRACE = """name => { const found = document.querySelector('.chart-plot').data
    ?.find(trace => trace.name === name);
    return found && { x: [...found.x], y: [...found.y], ids: found.customdata }; }"""
SHAPES = """() => document.querySelector('.chart-plot').layout.shapes
    .filter(shape => shape.type === 'rect').length"""
# The page's own time zone: what Plotly draws is shifted into it.
SHIFT = "() => new Date().getTimezoneOffset() * 60000"
PLACE = """id => { const plot = document.querySelector('.chart-plot');
    const trace = plot.data.find(item => item.name === 'signals');
    const at = trace.customdata.indexOf(id);
    const { xaxis, yaxis } = plot._fullLayout;
    const box = plot.getBoundingClientRect();
    return [box.x + xaxis._offset + xaxis.d2p(trace.x[at]),
            box.y + yaxis._offset + yaxis.d2p(trace.y[at])]; }"""


def drawn(page, name):
    page.wait_for_function(f"name => ({TRACE})(name)?.x.length > 0", arg=name)
    return page.evaluate(TRACE, name)


def choose(page, *names):
    page.click("#overlay-menu summary")
    for name in names:
        page.check(f"[data-overlay={name}]")
    page.keyboard.press("Escape")


def rest(page, **values):
    asked = page.request.get(
        "/api/v1/market/indicators",
        params={"symbol": "BTCUSDT", "interval": "15m", "limit": 500, **values},
    )
    return asked.json()


def same_as_rest(page, trace, series):
    """The drawn values against the server's, by the time of their bar."""
    answer = rest(page)
    known = dict(zip(answer["times"], answer["series"][series], strict=True))
    shift = page.evaluate(SHIFT)
    pairs = [
        (value, known[int(time) + shift])
        for time, value in zip(trace["x"], trace["y"], strict=True)
        if int(time) + shift in known
    ]
    assert len(pairs) > 100
    assert all(drawn_ == value for drawn_, value in pairs if value is not None)
    assert sum(value is not None for _, value in pairs) > 90


def test_the_averages_are_drawn_with_the_servers_values(browse):
    page = browse(PATH)
    same_as_rest(page, drawn(page, "ema_fast"), "ema_fast")
    same_as_rest(page, drawn(page, "ema_slow"), "ema_slow")
    assert page.evaluate(TRACE, "rsi") is None
    expect(page.locator(".chart-readout")).to_contain_text("EMA 20")


def test_chosen_overlays_are_drawn_in_their_panels_and_kept(browse):
    page = browse(PATH)
    drawn(page, "ema_fast")
    choose(page, "bollinger", "rsi", "macd", "adx", "gaps", "blocks", "events")
    same_as_rest(page, drawn(page, "rsi"), "rsi")
    same_as_rest(page, drawn(page, "macd_histogram"), "macd_histogram")
    same_as_rest(page, drawn(page, "bb_upper"), "bb_upper")
    drawn(page, "adx")
    drawn(page, "events")
    page.wait_for_function(f"() => ({SHAPES})() > 0")
    axes = """() => { const { yaxis, yaxis2, yaxis3, yaxis4, yaxis5 }
        = document.querySelector('.chart-plot').layout;
        return [yaxis5, yaxis4, yaxis3, yaxis2, yaxis].map(axis => axis.domain); }"""
    rows = page.evaluate(axes)
    assert all(low[1] < high[0] for low, high in pairwise(rows))
    page.reload()
    drawn(page, "macd_signal_line")
    expect(page.locator("[data-overlay=rsi]")).to_be_checked()
    page.click("#overlay-menu summary")
    page.uncheck("[data-overlay=rsi]")
    page.wait_for_function(f"() => !({TRACE})('rsi')")


def test_a_zone_lies_where_the_server_says(browse):
    page = browse(PATH)
    drawn(page, "ema_fast")
    choose(page, "blocks")
    page.wait_for_function(f"() => ({SHAPES})() > 0")
    shape = page.evaluate(
        """() => document.querySelector('.chart-plot').layout.shapes
            .find(shape => shape.name === 'order_block')"""
    )
    shift = page.evaluate(SHIFT)
    blocks = [zone for zone in rest(page)["zones"] if zone["kind"] == "order_block"]
    edges = {(zone["since"], zone["low"], zone["high"]) for zone in blocks}
    assert (int(shape["x0"]) + shift, shape["y0"], shape["y1"]) in edges


def at_the_mark(page, signal, act, shown):
    """Act there until it shows: a live bar may move the mark under the pointer."""
    for _ in range(20):
        act(*page.evaluate(PLACE, signal))
        with contextlib.suppress(AssertionError):
            expect(shown.first).to_be_visible(timeout=500)
            return
    expect(shown.first).to_be_visible()


def test_signals_are_marked_at_their_bars_and_a_click_says_why(browse, planted):
    mine = {row["id"]: row for row in planted["signals"] if row["symbol"] == "BTCUSDT"}
    page = browse(PATH)
    marks = drawn(page, "signals")
    assert set(mine) <= set(marks["ids"])
    shift = page.evaluate(SHIFT)
    times = dict(zip(marks["ids"], marks["x"], strict=True))
    assert {int(times[i]) + shift for i in mine} == {
        row["bar_open"] for row in mine.values()
    }
    strongest = max(mine, key=lambda number: mine[number]["score"])
    score = f"score {mine[strongest]['score']:.0f}"
    label = page.locator(".hoverlayer .hovertext", has_text=score)
    at_the_mark(page, strongest, page.mouse.move, label)
    reasons = page.locator(f"#breakdown-dialog .breakdown[data-signal='{strongest}']")
    at_the_mark(page, strongest, page.mouse.click, reasons)
    page.keyboard.press("Escape")
    page.click("#overlay-menu summary")
    page.select_option("#overlay-menu select", "70")
    page.wait_for_function(
        f"few => ({TRACE})('signals').ids.every(id => !few.includes(id))",
        arg=[i for i, row in mine.items() if row["score"] < 70],
    )


def tell_later_bars(route):
    answer = route.fetch()
    told = answer.json()
    told["times"][-1] += 10 * 900_000
    route.fulfill(response=answer, json=told)


def test_the_live_bar_asks_for_no_indicators_and_a_closed_one_asks_once(browse):
    page = browse(PATH)
    drawn(page, "ema_fast")
    asked = []
    # Not the page's own, which asks for another number of bars.
    mine = re.compile(r"/market/indicators\?.*limit=200\b")
    page.on("request", lambda request: mine.search(request.url) and asked.append(1))
    # The fed bars are told as known; the page asks again for one that is not.
    page.route(mine, tell_later_bars)
    # A page object of its own, fed with bars, so that no real quarter must pass.
    feed = """async () => {
            const { SymbolOverlays } = await import('/static/js/symbol_overlays.js');
            const newest = document.querySelector('.chart-plot').data.at(-1).x.at(-1);
            const open = newest + new Date().getTimezoneOffset() * 60000;
            const overlays = new SymbolOverlays({ draw() {} }, 'BTCUSDT', 200);
            overlays.show('15m');
            overlays.refresh();
            const length = 900000;
            window.feed = (bars, closed) => overlays.bar(
                [open + bars * length, 1, 1, 1, 1, 1, 1, 1, closed], length);
            for (let turn = 0; turn < 20; turn++) window.feed(0, false);
        }"""
    for number, step in enumerate(
        (feed, "() => { window.feed(0, true); window.feed(1, false); }"), start=1
    ):
        with page.expect_request(mine):
            page.evaluate(step)
        # Time for a second request, which must not come.
        page.wait_for_timeout(2_500)
        assert len(asked) == number


def test_too_few_bars_are_said_beside_a_chart_that_still_lives(browse):
    # A page of its own: what it cannot load is an error in its console.
    other = browse("/settings/").context.new_page()
    body = {"code": "too_few_bars", "message": "X 15m has 9 closed bars", "details": []}
    other.route(
        "**/api/v1/market/indicators?*",
        lambda route: route.fulfill(status=404, json=body),
    )
    other.goto(PATH)
    expect(other.locator("#overlay-note")).to_contain_text("has 9 closed bars")
    closes = "() => document.querySelector('.chart-plot').data?.at(-1).close?.at(-1)"
    other.wait_for_function(f"() => ({closes})() > 0")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everything_at_once_fits_a_phone(browse, theme):
    page = browse("/settings/", width=390, theme=theme)
    kept = json.dumps({"chosen": EVERYTHING, "marksFrom": 0})
    page.evaluate("kept => localStorage.setItem('quantai.overlays', kept)", kept)
    page.goto(PATH)
    drawn(page, "adx")
    assert page.evaluate(WIDER) <= 0
    readout = page.locator(".chart-readout").bounding_box()
    top = "() => document.querySelector('.chart-plot')._fullLayout._size.t"
    page.wait_for_function(f"height => ({top})() >= height", arg=readout["height"])
    page.click("#overlay-menu summary")
    panel = page.locator(".overlay-panel").bounding_box()
    assert panel["x"] + panel["width"] <= 390
    page.locator("#overlay-menu select").scroll_into_view_if_needed()
    page.locator("#overlay-menu select").select_option("50", timeout=2_000)
