import asyncio
import email.utils
import itertools

import pytest

from market.simulator.limits import PATIENCE

KLINES = "/fapi/v1/klines"


async def test_ping_and_time_on_futures_and_spot_paths(client):
    for path in ("/fapi/v1/ping", "/api/v3/ping"):
        assert (await client.get(path))[:2] == (200, {})
    for path in ("/fapi/v1/time", "/api/v3/time"):
        status, body, _ = await client.get(path)
        shown = client.simulator.exchange.clock.shown_ms()
        assert status == 200
        assert abs(body["serverTime"] - shown) < 1_000


async def test_the_shown_clock_can_be_skewed(client):
    client.simulator.set_shown_skew(-37 * 3_600_000)
    _, body, headers = await client.get("/fapi/v1/time")
    now = client.simulator.exchange.clock.market_ms()
    assert now - body["serverTime"] == pytest.approx(37 * 3_600_000, abs=1_000)
    date = email.utils.parsedate_to_datetime(headers["Date"])
    assert abs(date.timestamp() * 1000 - body["serverTime"]) < 2_000


async def test_exchange_info_lists_symbols_that_must_be_left_out(client):
    _, info, _ = await client.get("/fapi/v1/exchangeInfo")
    wanted = [
        entry["symbol"]
        for entry in info["symbols"]
        if entry["status"] == "TRADING"
        and entry["contractType"] == "PERPETUAL"
        and entry["quoteAsset"] == "USDT"
    ]
    assert wanted == [symbol.name for symbol in client.simulator.exchange.symbols]
    assert len(info["symbols"]) > len(wanted)
    assert {entry["status"] for entry in info["symbols"]} >= {"SETTLING", "DELIVERING"}
    limits = {
        (limit["rateLimitType"], limit["interval"]): limit["limit"]
        for limit in info["rateLimits"]
    }
    assert limits[("REQUEST_WEIGHT", "MINUTE")] == 2400
    bitcoin = info["symbols"][0]
    filters = {entry["filterType"]: entry for entry in bitcoin["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.1"
    assert bitcoin["pricePrecision"] == 2
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"
    assert filters["MIN_NOTIONAL"]["notional"] == "100"


async def test_klines_follow_start_end_and_limit(client):
    _, rows, _ = await client.get(KLINES, symbol="BTCUSDT", interval="15m", limit=10)
    assert len(rows) == 10
    opens = [row[0] for row in rows]
    _, part, _ = await client.get(
        KLINES, symbol="BTCUSDT", interval="15m", startTime=opens[2], endTime=opens[5]
    )
    assert [row[0] for row in part] == opens[2:6]
    assert part == rows[2:6]
    _, first, _ = await client.get(
        KLINES, symbol="BTCUSDT", interval="15m", startTime=opens[2] + 1, limit=3
    )
    assert [row[0] for row in first] == opens[3:6]
    _, last, _ = await client.get(
        KLINES, symbol="BTCUSDT", interval="15m", endTime=opens[5] + 1, limit=3
    )
    assert [row[0] for row in last] == opens[3:6]
    _, default, _ = await client.get(KLINES, symbol="BTCUSDT", interval="1m")
    assert len(default) == 500
    assert all(isinstance(value, str) for value in default[0][1:6])


async def test_there_is_nothing_before_the_listing_or_in_the_future(client):
    _, rows, _ = await client.get(KLINES, symbol="BTCUSDT", interval="1d", endTime=1000)
    assert rows == []
    _, rows, _ = await client.get(
        KLINES, symbol="BTCUSDT", interval="1d", startTime=0, limit=1
    )
    assert rows[0][0] == 1_577_836_800_000
    future = client.simulator.exchange.clock.market_ms() + 86_400_000
    _, rows, _ = await client.get(
        KLINES, symbol="BTCUSDT", interval="1m", startTime=future
    )
    assert rows == []


async def test_continuous_klines_are_those_of_the_perpetual(client):
    _, rows, _ = await client.get(
        "/fapi/v1/continuousKlines",
        pair="BTCUSDT",
        contractType="PERPETUAL",
        interval="1h",
        limit=3,
    )
    _, same, _ = await client.get(KLINES, symbol="BTCUSDT", interval="1h", limit=3)
    assert rows[:2] == same[:2]


async def test_a_listed_symbol_that_does_not_trade_has_no_klines(client):
    status, rows, _ = await client.get(KLINES, symbol="FTTUSDT", interval="1m")
    assert (status, rows) == (200, [])


@pytest.mark.parametrize(
    ("path", "params", "code", "text"),
    [
        (
            KLINES,
            {"interval": "1m"},
            -1102,
            "Mandatory parameter 'symbol' was not sent",
        ),
        (KLINES, {"symbol": "BTCUSDT"}, -1102, "Mandatory parameter 'interval'"),
        (KLINES, {"symbol": "NOPE", "interval": "1m"}, -1121, "Invalid symbol."),
        (KLINES, {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1s"}, -1120, "Invalid interval."),
        (
            KLINES,
            {"symbol": "BTCUSDT", "interval": "1m", "limit": "1501"},
            -1130,
            "Data sent for parameter 'limit' is not valid.",
        ),
        (
            KLINES,
            {"symbol": "BTCUSDT", "interval": "1m", "limit": "ten"},
            -1100,
            "Illegal characters found in parameter 'limit'",
        ),
        (
            KLINES,
            {"symbol": "BTC USDT", "interval": "1m"},
            -1100,
            "Illegal characters found in parameter 'symbol'",
        ),
        (
            KLINES,
            {"symbol": "BTCUSDT", "interval": "1m", "startTime": "2", "endTime": "1"},
            -1023,
            "Start time is greater than end time.",
        ),
        (
            "/fapi/v1/depth",
            {"symbol": "BTCUSDT", "limit": "7"},
            -4021,
            "7 is not valid",
        ),
        (
            "/fapi/v1/aggTrades",
            {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        ("/fapi/v1/ticker/24hr", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ("/fapi/v1/openInterest", {}, -1102, "Mandatory parameter 'symbol'"),
    ],
)
async def test_mistakes_get_the_exchanges_own_code(client, path, params, code, text):
    status, body, _ = await client.get(path, **params)
    assert status == 400
    assert body["code"] == code
    assert body["msg"].startswith(text)


async def test_unknown_paths_are_not_found(client):
    status, body, _ = await client.get("/fapi/v1/nothing")
    assert status == 404
    assert body == {
        "code": -5000,
        "msg": "Path /fapi/v1/nothing, Method GET is invalid",
    }


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("/fapi/v1/ping", {}, 1),
        ("/fapi/v1/exchangeInfo", {}, 1),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1m", "limit": 100}, 2),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1m", "limit": 499}, 2),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1m"}, 5),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1m", "limit": 1001}, 10),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5}, 2),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 100}, 5),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT"}, 10),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1000}, 20),
        ("/fapi/v1/trades", {"symbol": "BTCUSDT"}, 5),
        ("/fapi/v1/aggTrades", {"symbol": "BTCUSDT"}, 20),
        ("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/premiumIndex", {}, 10),
        ("/fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/ticker/24hr", {}, 40),
        ("/fapi/v1/ticker/price", {}, 2),
        ("/fapi/v2/ticker/price", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/ticker/bookTicker", {}, 5),
        ("/fapi/v1/openInterest", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/fundingRate", {"symbol": "BTCUSDT"}, 0),
        ("/fapi/v1/fundingInfo", {}, 0),
    ],
)
async def test_each_endpoint_answers_with_its_weight(client, path, params, weight):
    status, body, headers = await client.get(path, **params)
    assert status == 200, body
    assert (
        headers["X-MBX-USED-WEIGHT"] == headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
    )
    assert headers["Content-Type"].startswith("application/json")


async def test_too_much_weight_is_429_and_going_on_is_418(start):
    async with start(weight_limit=40, ban_seconds=1.5) as client:
        assert (await client.get("/fapi/v1/ticker/24hr"))[0] == 200
        status, body, headers = await client.get("/fapi/v1/ping")
        assert (status, body["code"]) == (429, -1003)
        assert 1 <= int(headers["Retry-After"]) <= 61
        assert int(headers["X-MBX-USED-WEIGHT-1M"]) >= 40
        for _ in range(PATIENCE):
            status, body, headers = await client.get("/fapi/v1/ping")
        assert (status, body["code"]) == (418, -1003)
        assert "IP banned until" in body["msg"]
        assert int(headers["Retry-After"]) >= 1


async def test_the_book_of_the_depth_is_ordered_around_the_last_price(client):
    _, book, _ = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
    bids = [float(price) for price, _ in book["bids"]]
    asks = [float(price) for price, _ in book["asks"]]
    assert len(bids) == len(asks) == 1000
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert book["E"] == book["T"]


async def test_trades_end_with_the_newest(client):
    _, trades, _ = await client.get("/fapi/v1/trades", symbol="BTCUSDT", limit=50)
    ids = [trade["id"] for trade in trades]
    assert ids == list(range(ids[0], ids[0] + 50))
    assert all(
        float(trade["quoteQty"])
        == pytest.approx(float(trade["price"]) * float(trade["qty"]))
        for trade in trades
    )


async def test_funding_is_paid_every_eight_hours(client):
    _, rows, _ = await client.get("/fapi/v1/fundingRate", symbol="BTCUSDT", limit=5)
    times = [row["fundingTime"] for row in rows]
    assert [b - a for a, b in itertools.pairwise(times)] == [28_800_000] * 4
    _, mark, _ = await client.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")
    assert mark["nextFundingTime"] == times[-1] + 28_800_000
    assert abs(float(mark["markPrice"]) / float(mark["indexPrice"]) - 1) < 0.001


async def test_parameters_may_come_in_the_body(client):
    url = client.simulator.plain_url + "/fapi/v1/depth"
    async with client.session.request(
        "GET", url, data={"symbol": "BTCUSDT", "limit": "5"}
    ) as response:
        assert response.status == 200
        assert len((await response.json())["bids"]) == 5


async def test_the_older_generation_has_fewer_fields(start):
    async with start(generation=2021) as client:
        _, trades, _ = await client.get("/fapi/v1/aggTrades", symbol="BTCUSDT", limit=1)
        assert list(trades[0]) == ["a", "p", "q", "f", "l", "T", "m"]


async def test_streams_go_on_while_long_history_is_computed(client):
    path = "/public/stream?streams=btcusdt@bookTicker"
    async with client.socket(path) as socket:
        heavy = asyncio.create_task(
            client.get(KLINES, symbol="BTCUSDT", interval="1d", limit=1500)
        )
        frames = 0
        while not heavy.done():
            await socket.receive_json()
            frames += 1
        status, rows, _ = await heavy
    assert (status, len(rows)) == (200, 1500)
    assert frames >= 5
