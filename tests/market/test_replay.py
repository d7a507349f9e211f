"""Captures replayed through the live path: exact counts, unbroken books, reports."""

import json

import pytest

from market.captures import Frame
from market.domain.book import BookState
from market.replay import Replay, merged_frames
from tests.payloads import CAPTURES, golden_frames, needs_captures

GOLDEN = golden_frames()


def replayed(*names):
    replay = Replay()
    for frame in merged_frames(CAPTURES / name for name in names):
        replay.push(frame)
    return replay.report(1.0)


@needs_captures
def test_the_futures_capture_of_2024_is_complete_and_its_book_unbroken():
    report = replayed("hftbacktest/usdm_ethusdt_20240808.gz")
    tally = report.tally
    assert tally.values == {
        "bookTicker": 53_992, "trade": 14_076, "depth": 6_586, "snapshot": 1,
    }  # fmt: skip
    assert report.frames == 74_655
    assert report.failures.total() == 0
    assert tally.breaks.total == 0
    book = tally.books["ETHUSDT"]
    assert book.state is BookState.LIVE
    assert (book.counts.dropped, book.counts.applied) == (5, 6_581)
    assert (book.counts.gaps, tally.crossed_books) == (0, 0)
    assert report.stale.total() == 0


@needs_captures
def test_the_spot_capture_of_2024_follows_the_spot_rule():
    report = replayed("hftbacktest/spot_ethusdt_20240808.gz")
    assert report.tally.values == {
        "bookTicker": 24_077, "trade": 6_106, "depth": 3_434, "snapshot": 1,
    }  # fmt: skip
    assert (report.failures.total(), report.tally.breaks.total) == (0, 0)
    assert report.tally.books["ETHUSDT"].state is BookState.LIVE


@needs_captures
def test_the_futures_capture_of_2021_has_its_four_closed_bars():
    report = replayed("cryptofeed/BINANCE_FUTURES.ws.1.0")
    assert report.tally.values == {
        "depth": 764, "bookTicker": 613, "aggTrade": 91, "kline": 67,
    }  # fmt: skip
    assert report.tally.closed_bars == 4
    assert (report.failures.total(), report.tally.breaks.total) == (0, 0)


@needs_captures
@pytest.mark.parametrize(
    ("streams", "bodies", "diffs"),
    [
        ("BINANCE_FUTURES.ws.1.0", "BINANCE_FUTURES.http.0.0", 764),
        ("BINANCE.ws.1.0", "BINANCE.http.0.0", 177),
    ],
)
def test_streams_and_their_snapshots_merge_to_four_live_books(streams, bodies, diffs):
    report = replayed(f"cryptofeed/{streams}", f"cryptofeed/{bodies}")
    books = report.tally.books.values()
    assert [book.state for book in books] == [BookState.LIVE] * 4
    assert sum(b.counts.applied + b.counts.dropped for b in books) == diffs
    assert report.tally.breaks.books == 0


@needs_captures
def test_captures_without_times_are_replayed_too():
    report = replayed(
        "crypto-msg-parser/binance_ws_2021_2022.jsonl",
        "user-data/usdm_algo_update_20251211.jsonl",
    )
    assert (report.frames, report.failures.total()) == (32, 0)
    assert report.tally.values["AlgoUpdate"] == 3


def test_bad_frames_are_counted_by_reason_and_stop_nothing():
    replay = Replay()
    for raw in (b"nonsense", GOLDEN[1], b'{"e":"newThing"}', GOLDEN[2], GOLDEN[1]):
        replay.push(Frame(0, raw))
    report = replay.report(0.5)
    assert report.frames_per_second == 10
    assert report.failures.total() == 2
    assert report.stale == {"Quote": 1}
    text = "\n".join(report.lines())
    assert "decode errors   2" in text
    assert "not_json" in text
    assert "trade not_a_trade 1" in text
    assert "bookTicker 2" in text


def test_a_repeated_close_is_reported():
    replay = Replay()
    replay.push(Frame(0, GOLDEN[4]))
    replay.push(Frame(0, GOLDEN[4]))
    report = replay.report(0.0)
    assert (report.duplicate_closes, report.conflicting_closes) == (1, 0)
    assert report.frames_per_second == 0.0
    assert len(replay.state.drain_closed()) == 1


def test_a_gap_in_a_book_is_reported():
    diff = json.loads(GOLDEN[5])
    diff["data"] |= {"U": 700000000000, "u": 700000000001, "pu": 699999999999}
    replay = Replay()
    replay.push(Frame(0, GOLDEN[5]))
    replay.push(Frame(0, json.dumps(diff).encode()))
    assert replay.report(1.0).tally.breaks.books == 1


def test_a_snapshot_belongs_to_the_symbol_that_was_asked_for():
    body = b'{"lastUpdateId":5,"bids":[["1","2"]],"asks":[["3","1"]]}'
    replay = Replay()
    replay.push(Frame(0, body, "BTCUSDT"))
    assert list(replay.report(1.0).tally.books) == ["BTCUSDT"]


def test_usable_books_are_shown_as_partial_depth_and_not_counted():
    raw = GOLDEN[5]
    body = b'{"lastUpdateId":600859599090,"bids":[["7.6","2"]],"asks":[["7.7","1"]]}'
    replay = Replay()
    replay.push(Frame(0, body, "SUSHIUSDT"))
    replay.push(Frame(0, raw))
    replay.show_books()
    (book,) = replay.state.symbol_items("SUSHIUSDT")
    assert book["bids"][0] == (7.611, 2.0)
    assert "partialDepth" not in replay.report(1.0).tally.values
