"""GET /market/gaps: the ledger in pages, its totals, the coverage of a day."""

from datetime import UTC, datetime, timedelta

import pytest

from core.access import Role
from market import live, services
from market.domain.candles import MissingBars
from tests.market import frames
from tests.market.test_api import browser, check_error
from tests.market.test_services import store_instruments

PATH = "/api/v1/market/gaps"
VENUE = "simulator"
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# The day of the frames, and the number of its first bar.
START = frames.BASE_MS // DAY_MS * DAY_MS
DAY = datetime.fromtimestamp(START / 1000, UTC).date().isoformat()
FIRST = (START - frames.BASE_MS) // frames.QUARTER_MS
NEXT_DAY = datetime.fromtimestamp((START + DAY_MS) / 1000, UTC).date().isoformat()
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def viewer(db):
    return browser(Role.VIEWER)


@pytest.fixture
def at(monkeypatch):
    """Set the exchange's time to the day's start and some bars of 15 minutes."""

    def move(bars, seconds=0):
        now = START + bars * frames.QUARTER_MS + seconds * 1000
        monkeypatch.setattr(live, "exchange_now", lambda venue: now)

    move(96 + 40)
    return move


def store(symbol, numbers, **options):
    services.CandleStore(VENUE).store(
        [frames.candle(symbol, FIRST + n, **options) for n in numbers]
    )


def miss(symbol, first, last, cause="cut"):
    opened = [frames.BASE_MS + n * frames.QUARTER_MS for n in (first, last)]
    gap = MissingBars(symbol, "15m", *opened)
    services.gaps_open(venue=VENUE, ranges=[gap], cause=cause, now_ms=7)
    return gap


def covered(viewer, day=DAY):
    return viewer.get(f"{PATH}?day={day}").json()["coverage"]


def test_before_anything_was_lost_the_ledger_is_empty(viewer):
    body = viewer.get(PATH).json()
    assert set(body) == {
        "venue", "today", "totals", "gaps", "next_after", "coverage"
    }  # fmt: skip
    assert body["totals"] == {
        "open": 0, "filled": 0, "unfillable": 0, "missing": 0, "missing_trades": 0
    }  # fmt: skip
    assert (body["gaps"], body["next_after"], body["coverage"]) == ([], None, None)
    assert covered(viewer, "today")["percent"] is None


def test_a_row_tells_range_cause_and_state(viewer):
    miss("BTCUSDT", 2, 4)
    services.trade_gaps_open(
        venue=VENUE, holes=[("BTCUSDT", 50, 59)], cause="cut", now_ms=8
    )
    services.trade_gap_settle(
        venue=VENUE, symbol="BTCUSDT", first=50, found=9, note="one is gone", now_ms=9
    )
    trades, bars = viewer.get(PATH).json()["gaps"]
    assert {**bars, "id": 0} == {
        "id": 0, "kind": "kline", "symbol": "BTCUSDT", "interval": "15m",
        "first": frames.BASE_MS + 2 * frames.QUARTER_MS,
        "last": frames.BASE_MS + 4 * frames.QUARTER_MS,
        "missing": 3, "found": 0, "cause": "cut", "state": "open", "note": "",
        "detected_at": 7, "closed_at": None,
    }  # fmt: skip
    assert (trades["kind"], trades["interval"]) == ("aggTrade", "")
    assert (trades["first"], trades["last"], trades["missing"]) == (50, 59, 10)
    assert (trades["state"], trades["found"], trades["closed_at"]) == (
        "unfillable", 9, 9,
    )  # fmt: skip


def test_rows_are_filtered_by_state_and_symbol_in_any_case(viewer):
    filled = miss("BTCUSDT", 0, 0)
    store("BTCUSDT", [0 - FIRST])
    services.gaps_settle(venue=VENUE, ranges=[filled], now_ms=8)
    miss("BTCUSDT", 5, 6)
    miss("ETHUSDT", 5, 6)

    def symbols(query):
        return [row["symbol"] for row in viewer.get(f"{PATH}?{query}").json()["gaps"]]

    assert symbols("state=filled") == ["BTCUSDT"]
    assert symbols("state=open") == ["ETHUSDT", "BTCUSDT"]
    assert symbols("symbol=ethusdt") == ["ETHUSDT"]
    assert symbols("state=filled&symbol=ETHUSDT") == []
    totals = viewer.get(f"{PATH}?state=filled").json()["totals"]
    assert (totals["open"], totals["filled"], totals["missing"]) == (2, 1, 4)


def test_pages_follow_each_other_without_overlap_to_the_end(viewer):
    for number in range(5):
        miss("BTCUSDT", number * 10, number * 10 + 1)
    seen, after = [], 0
    for _ in range(3):
        body = viewer.get(f"{PATH}?limit=2&after={after}").json()
        seen += [row["first"] for row in body["gaps"]]
        after = body["next_after"]
    assert after is None
    opened = [frames.BASE_MS + n * 10 * frames.QUARTER_MS for n in range(5)]
    assert seen == opened[::-1]


def test_a_day_with_every_bar_is_covered_by_100_percent(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", range(96))
    found = covered(viewer)
    (row,) = found.pop("series")
    assert found == {
        "day": DAY, "bars": 96, "expected": 96, "missing": 0, "percent": 100.0
    }  # fmt: skip
    assert row == {
        "symbol": "BTCUSDT", "interval": "15m", "bars": 96, "expected": 96,
        "missing": 0, "percent": 100.0,
    }  # fmt: skip


def test_bars_missing_at_the_start_of_the_day_are_missed_when_older_ones_are_there(
    viewer, at
):
    store_instruments("BTCUSDT")
    store("BTCUSDT", [-3, *range(10, 96)])
    found = covered(viewer)
    assert (found["bars"], found["expected"], found["missing"]) == (86, 96, 10)
    assert found["percent"] == 89.583


def test_a_followed_series_without_any_bar_of_the_day_is_missed_whole(viewer, at):
    store_instruments("BTCUSDT", "ETHUSDT")
    store("BTCUSDT", range(-1, 96))
    store("ETHUSDT", [-2])
    rows = {row["symbol"]: row for row in covered(viewer)["series"]}
    assert (rows["ETHUSDT"]["bars"], rows["ETHUSDT"]["expected"]) == (0, 96)
    assert rows["ETHUSDT"]["percent"] == 0.0


def test_what_was_not_listed_yet_is_not_missed(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", range(90, 96))
    found = covered(viewer)
    assert (found["bars"], found["expected"]) == (6, 6)


def test_history_of_long_ago_leaves_the_coverage_of_the_day_as_it_was(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", range(80, 96))
    before = covered(viewer)
    assert (before["bars"], before["expected"]) == (16, 16)
    store("BTCUSDT", range(-9600, -9500))
    assert covered(viewer) == before


def test_days_in_a_hole_behind_old_history_have_no_bars_and_say_so(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", [*range(-9600, -9500), *range(80, 96)])
    day_before = datetime.fromtimestamp((START - DAY_MS) / 1000, UTC).date()
    found = covered(viewer, day_before.isoformat())
    assert (found["bars"], found["expected"], found["percent"]) == (0, 96, 0.0)


def test_a_day_after_one_with_any_bar_is_missed_from_its_start(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", [-9600, -96, *range(80, 96)])
    assert covered(viewer)["missing"] == 80
    # One bar earlier, and the whole day before has none: the series begins anew.
    store("ETHUSDT", [-9600, -97, *range(80, 96)])
    rows = {row["symbol"]: row["missing"] for row in covered(viewer)["series"]}
    assert rows == {"BTCUSDT": 80, "ETHUSDT": 0}


def test_a_symbol_that_is_followed_no_longer_is_missed_up_to_its_last_bar(viewer, at):
    store("BTCUSDT", [-1, 0, 1, 3])
    found = covered(viewer)
    assert (found["bars"], found["expected"]) == (3, 4)
    assert covered(viewer, NEXT_DAY)["series"] == []


def test_an_interval_that_is_followed_no_longer_is_not_missed(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", [0], interval="4h", step=4 * HOUR_MS)
    assert covered(viewer, NEXT_DAY)["series"] == []


def test_today_ends_where_the_exchanges_clock_stands(viewer, at):
    store_instruments("BTCUSDT")
    store("BTCUSDT", range(-1, 3))
    for bars, seconds, expected in ((3, 0, 3), (4, 9, 3), (4, 11, 4), (5, 11, 5)):
        at(bars, seconds)
        assert covered(viewer, "today")["expected"] == expected
    assert viewer.get(PATH).json()["today"] == DAY


def test_a_bar_stored_before_its_time_hides_no_other(viewer, at):
    store_instruments("BTCUSDT", "ETHUSDT")
    store("BTCUSDT", [-1, 0, 2, 3])
    store("ETHUSDT", range(-1, 4))
    at(4, 1)
    found = covered(viewer, "today")
    assert (found["bars"], found["expected"]) == (7, 8)


def test_almost_all_is_not_rounded_to_all():
    assert live._percent(999_999, 1_000_000) == 99.999
    assert live._percent(1_000_000, 1_000_000) == 100.0
    assert live._percent(0, 0) is None


def test_a_bar_longer_than_a_day_belongs_to_the_day_of_its_opening(
    viewer, at, settings
):
    chosen = settings.QUANTAI.market.model_copy(update={"intervals": ("3d",)})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"market": chosen})
    store_instruments("BTCUSDT")
    step = 3 * DAY_MS
    opened = START // step * step
    number = (opened - frames.BASE_MS) / step
    services.CandleStore(VENUE).store(
        [frames.candle("BTCUSDT", number, interval="3d", step=step)]
    )
    at(96 * 4)
    day = datetime.fromtimestamp(opened / 1000, UTC).date()
    found = [covered(viewer, (day + timedelta(n)).isoformat()) for n in range(3)]
    assert [(one["bars"], one["expected"]) for one in found] == [(1, 1), (0, 0), (0, 0)]


def test_the_exchanges_time_goes_on_while_the_feed_says_nothing(publish):
    now = live.exchange_now(VENUE)
    report = {"at": 1, "exchange_time": 5_000, "data_at": now - 60_000}
    publish(statuses=[("feed", [("feed", report)])])
    assert 64_900 <= live.exchange_now(VENUE) < 95_000


def test_without_redis_the_ledger_is_still_read(viewer, settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    miss("BTCUSDT", 0, 1)
    body = viewer.get(f"{PATH}?day=today").json()
    assert len(body["gaps"]) == 1
    assert body["coverage"]["day"] == body["today"]


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("state=lost", "state", "lost"),
        ("limit=0", "limit", "0"),
        ("limit=501", "limit", "501"),
        ("after=-1", "after", "-1"),
        ("after=x", "after", "x"),
        ("day=yesterday", "day", "yesterday"),
        ("day=2026-02-30", "day", "2026-02-30"),
        ("day=9999-12-31", "day", "9999-12-31"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_rule(
    viewer, query, field, value
):
    body = check_error(viewer.get(f"{PATH}?{query}"), 422, "invalid_input")
    (detail,) = body["details"]
    assert detail["field"].split(".")[-1] == field
    assert detail["value"] == value
    assert detail["rule"]
