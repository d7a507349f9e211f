"""GET /market/indicators: the engine's values of stored bars, for charts."""

from math import sin

import pytest
from msgspec.structs import replace

from core.access import Role
from market import selectors, services, technical
from market.indicators import Bars, EliteTechnicalEngine
from market.models import Candle
from tests.market import frames
from tests.market.test_api import browser, check_error

PATH = "/api/v1/market/indicators"
VENUE = "simulator"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture(autouse=True)
def _fresh_engine():
    technical.technical_engine.cache_clear()
    yield
    technical.technical_engine.cache_clear()


@pytest.fixture
def viewer(db):
    return browser(Role.VIEWER)


def wave(number):
    close = 100 + 5 * sin(number / 7) + 0.05 * number
    bar = frames.candle("BTCUSDT", number, close=close)
    return replace(bar, open=close - 0.3, high=close + 0.5, low=close - 0.8)


def store(count):
    services.CandleStore(VENUE).store([wave(number) for number in range(count)])


def ask(viewer, **values):
    return viewer.get(PATH, {"symbol": "btcusdt", "interval": "15m", **values})


def test_the_values_are_the_engines_for_the_stored_bars(viewer):
    store(120)
    body = ask(viewer).json()
    bars = [wave(number) for number in range(120)]
    engine = EliteTechnicalEngine(use_talib=False, cache_enabled=False)
    columns = ("open", "high", "low", "close", "volume")
    (found,) = engine.calculate_bars(
        Bars.single(
            "BTCUSDT",
            [bar.open_time for bar in bars],
            **{name: [getattr(bar, name) for bar in bars] for name in columns},
        )
    )
    assert (body["symbol"], body["interval"]) == ("BTCUSDT", "15m")
    assert body["times"] == [bar.open_time for bar in bars]
    for name in ("ema_slow", "rsi", "macd_histogram", "bb_upper", "adx"):
        assert body["series"][name][-60:] == vars(found.series)[name][-60:].tolist()
    assert set(map(len, body["series"].values())) == {120}


def test_bars_of_the_warm_up_are_null_and_never_nan(viewer):
    store(60)
    answer = ask(viewer)
    assert b"NaN" not in answer.content
    slow = answer.json()["series"]["ema_slow"]
    assert slow[:49] == [None] * 49
    assert None not in slow[49:]


def test_with_older_bars_in_store_the_first_answered_bar_is_warm(viewer):
    store(120)
    body = ask(viewer, limit=30).json()
    assert len(body["times"]) == 30
    assert (
        body["series"]["ema_slow"] == (ask(viewer).json()["series"]["ema_slow"][-30:])
    )


def test_codes_have_their_words_and_zones_reach_into_the_answered_bars(viewer):
    store(200)
    body = ask(viewer, limit=50).json()
    assert body["words"]["structure_event"]["2"] == "choch_up"
    codes = set(body["series"]["structure_event"])
    assert codes <= {int(code) for code in body["words"]["structure_event"]}
    assert body["zones"]
    for zone in body["zones"]:
        assert zone["until"] is None or zone["until"] >= body["times"][0]
        assert zone["low"] < zone["high"]


def test_the_same_bars_are_computed_once(viewer):
    store(60)
    assert ask(viewer).json()["cache"] == {"hits": 0, "misses": 1, "hit_rate": 0.0}
    assert ask(viewer).json()["cache"] == {"hits": 1, "misses": 1, "hit_rate": 0.5}


def test_too_few_bars_are_named_with_how_many_are_needed(viewer):
    store(49)
    body = check_error(ask(viewer), 404, "too_few_bars")
    assert body["message"] == "BTCUSDT 15m has 49 closed bars, 50 are needed"
    body = check_error(ask(viewer, symbol="NOSUCH"), 404, "too_few_bars")
    assert body["message"] == "NOSUCH 15m has 0 closed bars, 50 are needed"


def test_a_stored_bar_that_cannot_be_is_named_by_column_and_row(viewer):
    store(60)
    wrong = selectors.bars_recent(
        venue=VENUE, symbol="BTCUSDT", interval="15m", limit=60
    )[7][0]
    Candle.objects.filter(open_time=wrong).update(high=1.0)
    body = check_error(ask(viewer), 422, "invalid_input")
    assert body["details"][0]["field"] == "BTCUSDT high, row 7"
    assert body["details"][0]["rule"] == "must not be below low"


def test_an_interval_that_does_not_exist_is_refused(viewer):
    body = check_error(ask(viewer, interval="7m"), 422, "invalid_input")
    assert body["details"][0]["field"] == "interval"


def test_strangers_are_refused(client):
    check_error(ask(client), 401, "not_authenticated")
