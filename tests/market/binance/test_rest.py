"""The REST client against the simulator, and against an answer of every bad kind."""

import asyncio
import contextlib
import json
import ssl

import pytest
import trustme
from aiohttp import web

from market.binance.rest import (
    BinanceRestClient,
    Question,
    RestBanned,
    RestError,
    RestRefused,
    RestUnavailable,
)
from market.binance.rest_schemas import parse_klines
from market.binance.urls import Endpoints
from market.binance.weights import Wait

MINUTE_MS = 60_000


@pytest.fixture
async def rest(simulator):
    where = Endpoints(simulator.base_url, "")
    client = BinanceRestClient(where, ca_file=str(simulator.ca_path))
    yield client
    await client.aclose()


@pytest.fixture
def symbol(simulator):
    return simulator.exchange.symbols[0].name


async def test_the_offset_of_the_exchanges_clock_is_learned(rest, simulator):
    simulator.set_shown_skew(90_000)
    await rest.initialize()
    assert rest.time_offset_ms == pytest.approx(90_000, abs=500)
    shown = simulator.exchange.clock.shown_ms()
    assert rest.server_now_ms() == pytest.approx(shown, abs=500)


async def test_a_book_has_the_levels_asked_for_best_first(rest, symbol):
    book = await rest.get_orderbook_snapshot(symbol.lower(), limit=20)
    assert {"lastUpdateId", "bids", "asks"} <= set(book)
    assert len(book["bids"]) == len(book["asks"]) == 20
    bids = [float(price) for price, _ in book["bids"]]
    asks = [float(price) for price, _ in book["asks"]]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len((await rest.get_orderbook_snapshot(symbol))["bids"]) == 20


async def test_trades_come_oldest_first_and_go_on_from_an_id(rest, symbol):
    trades = await rest.get_agg_trades(symbol.lower(), limit=50)
    ids = [trade["a"] for trade in trades]
    assert ids == list(range(ids[0], ids[0] + 50))
    following = await rest.get_agg_trades(symbol, limit=3, from_id=ids[10])
    assert [trade["a"] for trade in following] == ids[10:13]


async def test_klines_begin_where_asked_and_end_with_the_unfinished_bar(rest, symbol):
    await rest.initialize()
    now = rest.server_now_ms()
    start = now // MINUTE_MS * MINUTE_MS - 5 * MINUTE_MS
    raw = await rest.klines(symbol, "1m", limit=10, start=start)
    bars = parse_klines(raw, symbol=symbol, interval="1m", now_ms=now)
    assert [bar.open_time for bar in bars][:6] == [
        start + n * MINUTE_MS for n in range(6)
    ]
    assert [bar.closed for bar in bars[:6]] == [True] * 5 + [False]


async def test_the_exchanges_own_count_of_our_weight_is_followed(rest, symbol):
    await rest.get_orderbook_snapshot(symbol, limit=1000)
    first = rest.used_weight
    await rest.get_agg_trades(symbol)
    assert first >= 20
    assert rest.used_weight == first + 20


async def test_an_unknown_symbol_is_refused_with_the_exchanges_code(rest):
    with pytest.raises(RestRefused) as refused:
        await rest.get_orderbook_snapshot("NOSUCHUSDT")
    assert (refused.value.status, refused.value.code) == (400, -1121)


async def test_an_unknown_authority_is_no_answer(simulator, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    where = Endpoints(simulator.base_url, "")
    client = BinanceRestClient(where, ca_file=str(other))
    with pytest.raises(RestUnavailable) as refused:
        await client.initialize()
    assert refused.value.status == 0
    assert "CERTIFICATE" in str(refused.value).upper()
    await client.aclose()


async def test_an_authority_file_may_come_later(simulator, tmp_path):
    where, path = Endpoints(simulator.base_url, ""), tmp_path / "later.pem"
    client = BinanceRestClient(where, ca_file=str(path))
    with pytest.raises(RestUnavailable, match=r"later\.pem"):
        await client.initialize()
    path.write_bytes(simulator.ca_path.read_bytes())
    await client.initialize()
    await client.aclose()


async def test_a_port_nobody_listens_on_is_unavailable(unused_tcp_port):
    where = Endpoints(f"http://127.0.0.1:{unused_tcp_port}", "")
    client = BinanceRestClient(where)
    with pytest.raises(RestUnavailable) as refused:
        await client.initialize()
    assert refused.value.status == 0
    await client.aclose()


# -- answers of every kind ----------------------------------------------------------


class Answers:
    """A server over TLS that gives prepared answers and counts what is asked."""

    def __init__(self):
        self.asked = 0
        self.status, self.body, self.headers = 200, b"{}", {}

    async def handle(self, request):
        self.asked += 1
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
async def answering(tmp_path):
    """(what to answer, a client of it)."""
    answers, authority = Answers(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    where = Endpoints(f"https://127.0.0.1:{port}", "")
    client = BinanceRestClient(where, ca_file=str(tmp_path / "ca.pem"))
    yield answers, client
    await client.aclose()
    await runner.cleanup()


def error_body(code=-1000, message="because"):
    return json.dumps({"code": code, "msg": message}).encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RestRefused),
        (403, RestRefused),
        (404, RestRefused),
        (451, RestRefused),
        (408, RestUnavailable),
        (429, RestUnavailable),
        (500, RestUnavailable),
        (503, RestUnavailable),
        (418, RestBanned),
    ],
)
async def test_each_status_says_what_the_caller_can_do(answering, status, kind):
    answers, client = answering
    answers.status, answers.body = status, error_body(-4242, "the reason")
    with pytest.raises(kind) as refused:
        await client.get("/fapi/v1/x", weight=1)
    assert (refused.value.status, refused.value.code) == (status, -4242)
    assert "the reason" in str(refused.value)


async def test_the_page_of_a_firewall_is_told_in_one_line(answering):
    answers, client = answering
    answers.status, answers.body = 403, b"<html>\n<body>Request blocked</body>"
    with pytest.raises(RestRefused, match="Request blocked") as refused:
        await client.get("/fapi/v1/x", weight=1)
    assert "\n" not in str(refused.value)
    assert refused.value.code is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"serverTime": 1', b"NaN"])
async def test_an_answer_that_is_no_json_is_unavailable(answering, body):
    answers, client = answering
    answers.body = body
    with pytest.raises(RestUnavailable):
        await client.get("/fapi/v1/x", weight=1)


async def test_a_time_that_is_none_is_a_rest_error(answering):
    answers, client = answering
    answers.body = b'{"serverTime": "soon"}'
    with pytest.raises(RestError):
        await client.initialize()


@pytest.mark.parametrize("status", [429, 418])
async def test_after_too_many_requests_nothing_is_sent_until_the_wait_is_over(
    answering, status
):
    answers, client = answering
    answers.status, answers.headers = status, {"Retry-After": "1"}
    with pytest.raises(RestError):
        await client.get("/fapi/v1/x", weight=1)
    answers.status = 200
    job = asyncio.create_task(client.get("/fapi/v1/x", weight=1))
    await asyncio.sleep(0.3)
    assert answers.asked == 1
    async with asyncio.timeout(5):
        await job
    assert answers.asked == 2


async def test_a_long_ban_is_an_error_at_once_and_nothing_is_sent(answering):
    answers, client = answering
    answers.status, answers.headers = 418, {"Retry-After": "7200"}
    for _ in range(3):
        with contextlib.suppress(RestBanned):
            async with asyncio.timeout(2):
                await client.get("/fapi/v1/x", weight=1)
    assert answers.asked == 1


async def test_part_of_the_budget_stays_free_for_cancels(answering):
    answers, client = answering
    client.weight_limit = 100
    await client.get("/fapi/v1/x", weight=80)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.get("/fapi/v1/x", weight=1)
    assert answers.asked == 1
    await client.request(
        Question("DELETE", "/fapi/v1/order", 1, lambda _: {}, cancel=True)
    )
    assert answers.asked == 2


async def test_a_request_that_waits_for_weight_ends_although_its_cancel_was_swallowed(
    answering,
):
    _, client = answering

    class Full:
        """A budget whose store swallows a cancellation, as redis-py does."""

        async def take(self, weight, **_):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(5)
            return Wait(0.01)

    client._budget = Full()
    task = asyncio.create_task(client.get("/fapi/v1/x", weight=1))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(2):
            await task


async def test_a_refused_timestamp_asks_for_the_time_once_and_tries_again(answering):
    answers, client = answering
    answers.status, answers.body = 400, error_body(-1021, "Timestamp")
    stamps = []

    def params(now_ms):
        stamps.append(now_ms)
        return {"timestamp": now_ms}

    with pytest.raises(RestError):
        await client.request(Question("POST", "/fapi/v1/order", 1, params))
    assert len(stamps) <= 2
