"""F20: depth diffs with gaps, out of order, or a crossed book."""

import asyncio

import pytest

from market.domain.kept_book import Loss
from tests.waiting import until

STREAM = "btcusdt@depth20@100ms"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture
def exchange_settings():
    return {"symbols": 6}


@pytest.mark.parametrize("kind", ["depth_gap", "depth_rewind"])
async def test_the_book_shown_is_the_newest_whole_one(follow, kind):
    followed = await follow(STREAM)
    number = followed.arm(kind, probability=0.3)
    shown = []

    def book():
        followed.ingest.drain()
        items = followed.state.symbol_items("BTCUSDT")
        book = next((item for item in items if item["k"] == "book"), None)
        if book is not None and (not shown or shown[-1] != book["t"]):
            shown.append(book["t"])
        return len(shown) >= 12

    await until(book)
    assert followed.hits(number) > 0
    assert shown == sorted(shown)
    followed.understood()


@pytest.mark.parametrize(
    ("kind", "loss"), [("depth_gap", Loss.GAP), ("depth_crossed", Loss.CROSSED)]
)
async def test_only_the_hit_book_gets_a_snapshot_and_is_the_exchanges_again(
    keep, kind, loss
):
    shelf = await keep(*SYMBOLS)
    before = shelf.books.snapshots
    shelf.arm(kind, "BTCUSDT", count=1)
    await until(lambda: shelf.books.losses.total() == 1)
    assert not shelf.books.book("BTCUSDT").live
    assert shelf.state.records["BTCUSDT"].book_live is False
    assert all(shelf.books.book(other).live for other in SYMBOLS[1:])
    assert shelf.told == [("books", "book_rebuilt", f"BTCUSDT: {loss}")]
    await shelf.live()
    assert shelf.drifted() == []
    assert shelf.state.records["BTCUSDT"].book_live is True
    assert shelf.books.losses == {loss: 1}
    # A snapshot that comes just before its diff is refused once.
    assert shelf.books.snapshots - before <= 2
    assert shelf.books.rebuilt == 1


async def test_a_diff_that_comes_again_changes_no_book_and_asks_for_nothing(keep):
    shelf = await keep(*SYMBOLS)
    before = shelf.books.snapshots
    rewound = shelf.arm("depth_rewind", "BTCUSDT", count=8)
    await until(lambda: shelf.simulator.faults.hits(rewound) == 8)
    await asyncio.sleep(0.3)
    assert shelf.all_live()
    assert shelf.drifted() == []
    assert (shelf.books.snapshots, shelf.told) == (before, [])


async def test_in_a_storm_of_faults_no_live_book_ever_drifts(keep):
    shelf = await keep(*SYMBOLS)
    drifted = []
    shelf.watch = lambda: drifted.extend(shelf.drifted())
    for symbol in SYMBOLS:
        shelf.arm("depth_gap", symbol, probability=0.08, for_seconds=3)
        shelf.arm("depth_rewind", symbol, probability=0.2, for_seconds=3)
        shelf.arm("depth_crossed", symbol, probability=0.08, for_seconds=3)
    await until(lambda: len(shelf.books.losses) == 2)
    await asyncio.sleep(2)
    await shelf.live()
    assert drifted == []
    assert shelf.drifted() == []


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 6, "speed": 60}

    @pytest.fixture
    def feed_settings(self):
        return {"book_source": "diff"}, {}

    async def test_pages_are_told_that_a_book_is_built_anew_and_get_the_new_one(
        self, feed
    ):
        symbol = feed.feed.follower.symbols[0]
        await feed.watch(symbol)
        await until(lambda: feed.book(symbol).get("live") is True)
        assert len(feed.book(symbol)["bids"]) == 20
        feed.arm("depth_gap", symbol=symbol, count=1)
        await until(lambda: feed.book(symbol)["live"] is False)
        await until(lambda: feed.book(symbol)["live"] is True)
        await until(lambda: feed.report()["books"]["gaps"] == 1)
        await until(lambda: feed.report()["books"]["live"] == 1)
        (event,) = await feed.told("book_rebuilt")
        assert event.reason == f"{symbol}: {Loss.GAP}"
        await feed.has_everything()
