"""The one door from bytes to values: shapes, filters, failures, and no exceptions."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.binance.control import ControlAnswer
from market.binance.decode import (
    SAMPLE_BYTES,
    DecodeFailure,
    FailureKind,
    decode,
    is_closed_kline,
    stream_name,
)
from market.domain.types import (
    BookDelta,
    BookSnapshot,
    BookTop,
    Candle,
    ExchangeInfo,
    Liquidation,
    Mark,
    OpenInterest,
    Quote,
    ServerShutdown,
    Skipped,
    Ticker,
    Trade,
)
from market.domain.user_events import AccountUpdate, AlgoUpdate, TradeLite
from tests.payloads import CAPTURES, golden_frames, needs_captures

GOLDEN = golden_frames()
MUTATIONS = 10_000


def enveloped(stream, data):
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


def one(raw, **options):
    decoded = decode(raw, **options)
    assert not isinstance(decoded, DecodeFailure), decoded
    (event,) = decoded
    return event


def failure(raw):
    decoded = decode(raw)
    assert isinstance(decoded, DecodeFailure), decoded
    return decoded


def test_each_golden_frame_becomes_its_value():
    kinds = [type(one(raw)) for raw in GOLDEN]
    assert kinds == [
        Trade, Quote, Skipped, Liquidation, Candle, BookDelta,
        TradeLite, AccountUpdate, AlgoUpdate, ControlAnswer, ControlAnswer,
    ]  # fmt: skip


def test_an_enveloped_frame_and_its_bare_payload_give_the_same_value():
    for raw in GOLDEN[:6]:
        message = json.loads(raw)
        bare = json.dumps(message["data"]).encode()
        assert decode(bare, stream=message["stream"]) == decode(raw)
        assert decode(bare) == decode(raw)


def test_numbers_may_be_strings_or_numbers_and_unknown_keys_are_ignored():
    raw = GOLDEN[1].replace(b'"83680.00"', b"83680.00").replace(b'"st":1', b'"zz":[{}]')
    assert one(raw) == one(GOLDEN[1])


def test_a_trade_that_is_none_is_counted_and_has_no_price():
    assert one(GOLDEN[2]) == Skipped("trade", "not_a_trade", "DOGEUSDT")


def test_partial_depth_is_told_from_a_diff_by_the_stream_name():
    data = json.loads(GOLDEN[5])["data"]
    assert isinstance(one(enveloped("sushiusdt@depth", data)), BookDelta)
    assert isinstance(one(enveloped("sushiusdt@depth20@500ms", data)), BookTop)
    assert isinstance(one(enveloped("SUSHIUSDT@depth5", data)), BookTop)
    raw = json.dumps(data).encode()
    assert isinstance(one(raw, stream="sushiusdt@depth10"), BookTop)


def test_depth_with_hidden_orders_never_reaches_a_book():
    data = json.loads(GOLDEN[5])["data"]
    skipped = one(enveloped("sushiusdt@rpiDepth@500ms", data))
    assert skipped == Skipped("rpiDepth", "ignored", "SUSHIUSDT")


def test_spot_messages_without_a_type_take_the_receive_time():
    ticker = {"u": 7, "s": "BTCUSDT", "b": "1", "B": "2", "a": "3", "A": "4"}
    for stream in ("btcusdt@bookTicker", "!bookTicker"):
        quote = one(enveloped(stream, ticker), received_ms=99)
        assert quote == Quote("BTCUSDT", 1.0, 2.0, 3.0, 4.0, 7, 0, 99)
    depth = {"lastUpdateId": 5, "bids": [["1", "2"]], "asks": [["3", "4"]]}
    top = one(enveloped("btcusdt@depth20", depth), received_ms=99)
    assert top == BookTop("BTCUSDT", 5, ((1.0, 2.0),), ((3.0, 4.0),), 0, 99)


def test_rest_bodies_in_recordings_are_recognised():
    depth = b'{"lastUpdateId":5,"E":2,"T":1,"bids":[["1","2"]],"asks":[]}'
    assert one(depth) == BookSnapshot("", 5, ((1.0, 2.0),), (), 1)
    interest = b'{"symbol":"BTCUSDT","openInterest":"84617.188","time":7}'
    assert one(interest) == OpenInterest("BTCUSDT", 84617.188, 7)
    info = one(b'{"serverTime":3,"rateLimits":[],"symbols":[]}')
    assert info == ExchangeInfo(3, (), ())


def mark(symbol, price="10", **more):
    return {"e": "markPriceUpdate", "E": 5, "s": symbol, "p": price, "r": "0.1", **more}


def test_arrays_keep_usd_margined_entries_and_count_the_others():
    raw = enveloped(
        "!markPrice@arr@1s",
        [mark("BTCUSDT", st=1), mark("BTCUSD_PERP", st=2), mark("ETHUSD_PERP", st=2)],
    )
    btc, skipped = decode(raw)
    assert btc == Mark("BTCUSDT", 10.0, 0.0, 0.1, 0, 5)
    assert skipped == Skipped("markPrice", "coin_margined", "", 2)


def test_one_bad_entry_does_not_take_the_array_with_it():
    raw = enveloped("!markPrice@arr", [mark("A"), mark("B", "0"), mark("C", "nan")])
    good, skipped = decode(raw)
    assert good.symbol == "A"
    assert skipped == Skipped("!markPrice@arr", "invalid", "", 2)


def test_an_array_of_nothing_but_bad_entries_is_a_failure():
    bad = failure(enveloped("!markPrice@arr", [mark("B", "0")]))
    assert bad.kind is FailureKind.BAD_MESSAGE


def test_an_empty_array_is_no_news_and_a_bare_array_works():
    assert decode(enveloped("!ticker@arr", [])) == ()
    raw = json.dumps([mark("BTCUSDT")]).encode()
    assert one(raw, stream="!markPrice@arr").symbol == "BTCUSDT"


def test_tradfi_arrays_are_ordinary_arrays():
    raw = enveloped("!markPrice@arr@1s", [mark("XAUUSDT", ap="9", i="10.5", T=8)])
    assert one(raw) == Mark("XAUUSDT", 10.0, 10.5, 0.1, 8, 5)


def test_a_coin_margined_entry_of_the_all_quotes_stream_is_filtered():
    data = json.loads(GOLDEN[1])["data"] | {"st": 2}
    assert isinstance(one(enveloped("!bookTicker", data)), Skipped)
    assert isinstance(one(enveloped("btcusd_perp@bookTicker", data)), Quote)


def test_delivery_contracts_without_a_funding_rate_have_rate_zero():
    event = one(enveloped("x@markPrice", mark("BTCUSDT_260925") | {"r": "", "T": 0}))
    assert event.funding_rate == 0.0


@pytest.mark.parametrize(
    "raw",
    [
        b'{"e":"serverShutdown","E":9}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":9}}',
        b'{"stream":"!serverShutdown","data":{"E":9}}',
        b'{"event":{"e":"serverShutdown","E":9}}',
        b'{"subscriptionId":0,"event":{"e":"serverShutdown","E":9}}',
    ],
)
def test_the_shutdown_notice_is_understood_in_all_its_shapes(raw):
    assert one(raw) == ServerShutdown(9)


def test_answers_to_requests_say_whether_they_were_accepted():
    accepted, refused = (one(raw) for raw in GOLDEN[9:11])
    assert accepted == ControlAnswer(1)
    assert accepted.ok
    assert (refused.id, refused.code, refused.ok) == (2, 2, False)
    assert refused.message.startswith("Invalid request: unknown variant")
    listed = one(b'{"result":["btcusdt@trade"],"id":"x-1"}')
    assert listed == ControlAnswer("x-1", streams=("btcusdt@trade",))
    assert one(b'{"result":true,"id":null}').ok
    assert one(b'{"code":-1121,"msg":"Invalid symbol."}').code == -1121


KLINE = GOLDEN[4]
QUOTE = GOLDEN[1]


@pytest.mark.parametrize(
    ("raw", "old", "new"),
    [
        (QUOTE, b'"83680.00"', b'"0"'),
        (QUOTE, b'"83680.00"', b'"-1"'),
        (QUOTE, b'"83680.00"', b'"NaN"'),
        (QUOTE, b'"83680.00"', b'"Infinity"'),
        (QUOTE, b'"83680.00"', b"1e999"),
        (QUOTE, b'"83680.00"', b'""'),
        (QUOTE, b'"83680.00"', b"null"),
        (QUOTE, b'"7.816"', b'"-1"'),
        (QUOTE, b'"s":"BTCUSDT"', b'"s":""'),
        (QUOTE, b'"u":11659858833361', b'"u":99999999999999999999'),
        (QUOTE, b'"E":1790370834267', b'"E":1790370834267000'),
        (KLINE, b'"l":"7.6070"', b'"l":"7.7"'),
        (KLINE, b'"h":"7.6180"', b'"h":"7.6"'),
        (KLINE, b'"o":"7.6080"', b'"o":"0"'),
        (KLINE, b'"T":1626992759999', b'"T":1626992700000'),
        (KLINE, b'"v":"3005"', b'"v":"-3005"'),
        (GOLDEN[0], b'"p":"83434.40"', b'"p":"0"'),
        (GOLDEN[2], b'"X":"NA"', b'"X":"MARKET"'),
        (GOLDEN[5], b'"U":600859599090', b'"U":600859600918'),
        (GOLDEN[7], b'"37.87866827"', b'"NaN"'),
    ],
)
def test_values_that_cannot_be_true_are_failures(raw, old, new):
    assert old in raw
    bad = failure(raw.replace(old, new, 1))
    assert bad.kind is FailureKind.BAD_MESSAGE
    assert bad.reason


def test_a_failure_says_what_kind_and_shows_the_beginning():
    assert failure(b"\xff\xfe not json").kind is FailureKind.NOT_JSON
    assert failure(b"").kind is FailureKind.NOT_JSON
    assert failure(GOLDEN[0][:50]).kind is FailureKind.NOT_JSON
    assert failure(b"[" * 100_000).kind is FailureKind.NOT_JSON
    assert failure(b'{"e":"newThing"}').kind is FailureKind.UNKNOWN_MESSAGE
    assert failure(b'{"hello":1}').kind is FailureKind.UNKNOWN_MESSAGE
    long = failure(b'{"e":"' + b"x" * 1000 + b'"}')
    assert len(long.sample) == SAMPLE_BYTES
    assert len(long.reason) <= SAMPLE_BYTES


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_bytes_raise(raw):
    decode(raw)
    decode(raw, stream="btcusdt@depth20")
    stream_name(raw)
    is_closed_kline(raw)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["stream", "data", "e", "E", "s", "k", "u", "b", "a", "id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_json)
@settings(max_examples=300)
def test_no_json_raises(value):
    decode(json.dumps(value).encode())


def mutated(raw, rng):
    frame = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(frame))
        match rng.randrange(8):
            case 0:
                frame[at] = rng.randrange(256)
            case 5 | 6 | 7:
                frame[at] = rng.choice(b"0123456789.-aeE")
            case 1:
                del frame[at : at + rng.randint(1, 8)]
            case 2:
                frame[at:at] = bytes(rng.choices(b'{}[]",:0123456789.-enaE', k=3))
            case 3:
                del frame[at:]
            case _:
                frame[at:at] = frame[: rng.randrange(len(frame))]
        frame = frame or bytearray(b"x")
    return bytes(frame)


def test_ten_thousand_mutations_are_values_or_failures_and_none_raises():
    rng = random.Random(20260)
    failures = 0
    for number in range(MUTATIONS):
        decoded = decode(mutated(GOLDEN[number % len(GOLDEN)], rng))
        if isinstance(decoded, DecodeFailure):
            failures += 1
            assert decoded.reason
            assert len(decoded.sample) <= SAMPLE_BYTES
        else:
            assert isinstance(decoded, tuple)
    assert 0 < failures < MUTATIONS


def test_the_stream_name_is_read_without_decoding():
    assert stream_name(GOLDEN[1]) == b"btcusdt@bookTicker"
    assert stream_name(GOLDEN[6]) is None
    assert stream_name(b'{"stream":"cut') is None


def test_closed_bars_are_recognised_without_decoding():
    assert is_closed_kline(KLINE)
    assert is_closed_kline(KLINE.replace(b'"x":true', b'"x": true'))
    assert not is_closed_kline(KLINE.replace(b'"x":true', b'"x":false'))
    assert not is_closed_kline(QUOTE)


@needs_captures
def test_all_frames_of_older_generations_and_of_spot_decode():
    path = CAPTURES / "crypto-msg-parser" / "binance_ws_2021_2022.jsonl"
    decoded = [decode(line) for line in path.read_bytes().splitlines()]
    assert not [d for d in decoded if isinstance(d, DecodeFailure)]
    events = [event for events in decoded for event in events]
    assert sum(isinstance(event, Ticker) for event in events) == 6
    assert sum(isinstance(event, BookTop) for event in events) == 4
    assert sum(isinstance(event, Mark) for event in events) == 3
