import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.simulator.book import DEPTH, snapshot_id
from market.simulator.depths import previous_due
from market.simulator.history import depth
from market.simulator.queries import Query
from tests.market.simulator.stage import START_MS, Stage, frames


@settings(max_examples=25, deadline=None)
@given(rank=st.integers(0, 4), slots=st.integers(0, 5_000))
def test_the_book_brackets_the_last_trade(rank, slots):
    stage = Stage(start_ms=START_MS + slots * 50)
    symbol = stage.exchange.symbols[rank]
    book = stage.exchange.book(symbol)
    last = int(stage.exchange.moment.last_prices[rank])
    assert book.bids.prices[0] <= last <= book.asks.prices[0]
    assert book.bids.prices[0] < book.asks.prices[0]
    assert len(book.bids.prices) == len(book.asks.prices) == DEPTH
    assert (book.bids.sizes > 0).all()
    assert (book.asks.sizes > 0).all()


def test_the_top_of_the_book_is_the_book_ticker():
    stage = Stage()
    for _ in range(40):
        stage.run(0.05)
        for symbol in stage.exchange.symbols:
            book = stage.exchange.book(symbol)
            top = [
                book.bids.prices[0],
                book.bids.sizes[0],
                book.asks.prices[0],
                book.asks.sizes[0],
            ]
            assert stage.exchange.tops[symbol.rank].tolist() == top


def test_a_past_book_is_the_one_that_was_live():
    stage = Stage()
    symbol = stage.exchange.symbols[0]
    kept = []
    for _ in range(60):
        stage.run(0.05)
        kept.append(stage.exchange.book(symbol))
    for book in kept:
        again = stage.exchange.book_at(symbol, book.slot)
        assert (again.bids.prices == book.bids.prices).all()
        assert (again.asks.sizes == book.asks.sizes).all()


class LocalBook:
    """The reader's side of the futures rules."""

    def __init__(self, snapshot):
        self.last = snapshot["lastUpdateId"]
        self.bids = dict(snapshot["bids"])
        self.asks = dict(snapshot["asks"])
        self.started = False

    def apply(self, event):
        if event["u"] < self.last and not self.started:
            return
        if self.started:
            assert event["pu"] == self.last
        else:
            assert event["U"] <= self.last <= event["u"]
        self.started = True
        self.last = event["u"]
        for side, rows in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, size in rows:
                if float(size) == 0:
                    side.pop(price, None)
                else:
                    side[price] = size


def snapshot_of(stage, name):
    query = Query({"symbol": name, "limit": "1000"})
    return json.loads(json.dumps(run(depth(stage.exchange, query))))


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the answer waited for something")


@pytest.mark.parametrize("speed", ["", "@0ms", "@100ms", "@500ms"])
@pytest.mark.parametrize("wait", [0, 1, 3, 7, 12, 40])
def test_a_snapshot_and_the_diffs_rebuild_the_same_book(speed, wait):
    stage = Stage(start_ms=START_MS + wait * 4950)
    names = [symbol.name for symbol in stage.exchange.symbols[:3]]
    reader = stage.connect(*(f"{name.lower()}@depth{speed}" for name in names))
    stage.run(wait * 0.05)
    books = {name: LocalBook(snapshot_of(stage, name)) for name in names}
    stage.run(8)
    for event in frames(reader):
        books[event["s"]].apply(event)
    for name, book in books.items():
        assert book.started
        symbol = stage.exchange.by_name[name]
        held = stage.exchange.book_at(symbol, book.last // 1024)
        for side, rows in ((held.bids, book.bids), (held.asks, book.asks)):
            expected = {
                symbol.price_text(price): symbol.quantity_text(size)
                for price, size in zip(
                    side.prices.tolist(), side.sizes.tolist(), strict=True
                )
            }
            assert rows == expected


def test_ids_are_shared_by_all_symbols_and_grow():
    stage = Stage()
    reader = stage.connect("btcusdt@depth@100ms", "ethusdt@depth@100ms")
    stage.run(5)
    events = frames(reader)
    ids = [event["u"] for event in events]
    assert len(set(ids)) == len(ids)
    bitcoin = [event for event in events if event["s"] == "BTCUSDT"]
    assert all(event["U"] <= event["u"] for event in events)
    assert all(
        later["pu"] == earlier["u"] for earlier, later in itertools.pairwise(bitcoin)
    )
    assert all(event["U"] != event["pu"] for event in events)


def test_partial_depth_is_the_top_of_the_same_book():
    stage = Stage()
    reader = stage.connect("btcusdt@depth20@100ms")
    symbol = stage.exchange.symbols[0]
    stage.run(1)
    event = frames(reader)[-1]
    assert len(event["b"]) == len(event["a"]) == 20
    book = stage.exchange.book_at(symbol, event["u"] // 1024)
    assert event["b"][0][0] == symbol.price_text(int(book.bids.prices[0]))
    assert event["a"][19][1] == symbol.quantity_text(int(book.asks.sizes[19]))


def test_a_snapshot_id_lies_inside_the_next_diff():
    stage = Stage()
    symbol = stage.exchange.symbols[1]
    slot = stage.exchange.slot
    assert slot * 1024 < snapshot_id(slot, symbol) < (slot + 1) * 1024
    assert previous_due(100, 5, 0) == 95
    assert previous_due(102, 5, 0) == 95
