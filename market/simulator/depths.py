"""Order book streams: diffs that chain, and full top levels."""

from dataclasses import dataclass

from market.simulator.book import Book, changes, first_update_id, update_id
from market.simulator.exchange import Exchange
from market.simulator.hub import Hub, Topic
from market.simulator.payloads import Payloads
from market.simulator.streams import Kind
from market.simulator.symbols import Symbol


@dataclass(frozen=True, eq=False)
class Diff:
    """What a reader of ``before`` must change to hold ``after``."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


def book_diff(before: Book, after: Book) -> Diff:
    bid_prices, bid_sizes = changes(
        before.bids, before.bid_sizes, after.bids, after.bid_sizes
    )
    ask_prices, ask_sizes = changes(
        before.asks, before.ask_sizes, after.asks, after.ask_sizes
    )
    return Diff(
        bids=list(zip(bid_prices.tolist(), bid_sizes.tolist(), strict=True)),
        asks=list(zip(ask_prices.tolist(), ask_sizes.tolist(), strict=True)),
    )


def top_levels(book: Book, levels: int) -> Diff:
    """The best levels of both sides, best first."""
    bids = zip(
        book.bids[:levels].tolist(), book.bid_sizes[:levels].tolist(), strict=True
    )
    asks = zip(
        book.asks[:levels].tolist(), book.ask_sizes[:levels].tolist(), strict=True
    )
    return Diff(list(bids), list(asks))


class Depths:
    """``depth`` and ``depth5/10/20`` of all subscribed symbols.

    The state of a topic is the book that its readers hold.
    """

    def __init__(self, exchange: Exchange, hub: Hub, payloads: Payloads) -> None:
        self._exchange, self._hub, self._payloads = exchange, hub, payloads
        self._version = -1
        self._topics: list[Topic] = []
        self._made: dict[int, Book] = {}

    def emit(self) -> None:
        if self._hub.version != self._version:
            self._version = self._hub.version
            self._topics = self._hub.topics(Kind.DEPTH_DIFF)
            self._topics += self._hub.topics(Kind.DEPTH_TOP)
        self._made.clear()
        for topic in self._topics:
            if self._exchange.due(topic.name.every, topic.rank):
                self._emit_topic(topic)

    def _emit_topic(self, topic: Topic) -> None:
        symbol = self._exchange.symbols[topic.rank]
        book = self._book(symbol)
        before, topic.state = topic.state, book
        if topic.name.kind is Kind.DEPTH_TOP:
            previous = book.slot - topic.name.every
            self._send(topic, previous, book, top_levels(book, topic.name.levels))
        elif isinstance(before, Book):
            self._send(topic, before.slot, book, book_diff(before, book))

    def _book(self, symbol: Symbol) -> Book:
        book = self._made.get(symbol.rank)
        if book is None:
            book = self._made[symbol.rank] = self._exchange.book(symbol)
        return book

    def _send(self, topic: Topic, previous: int, book: Book, diff: Diff) -> None:
        symbol = self._exchange.symbols[topic.rank]
        time = self._exchange.moment.time_ms
        payload = self._payloads.depth(
            topic.rank,
            (time, time),
            (
                first_update_id(book.slot, previous, symbol),
                update_id(book.slot, symbol),
                update_id(previous, symbol),
            ),
            diff.bids,
            diff.asks,
        )
        self._hub.publish(topic, payload)
