"""F20: depth diffs with gaps, out of order, or a crossed book."""

import pytest

from tests.waiting import until

STREAM = "btcusdt@depth20@100ms"


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
