"""Order book streams: diffs that chain, and full top levels."""

import itertools

import numpy as np

from market.simulator.book import (
    Book,
    Side,
    first_update_id,
    touched,
    update_id,
)
from market.simulator.exchange import Exchange
from market.simulator.hashing import Ints
from market.simulator.hub import Hub, Topic
from market.simulator.payloads import Payloads
from market.simulator.streams import Kind
from market.simulator.symbols import Symbol

Levels = list[tuple[int, int]]

_MOST_SLOTS = 20


def book_diff(books: list[Book]) -> tuple[Levels, Levels]:
    """(bids, asks) that a reader of the first book must store to hold the last one.

    Every price touched on the way is listed, so that a reader of any book in between
    ends with the last one too.
    """
    return (
        _side_diff([book.bids for book in books]),
        _side_diff([book.asks for book in books]),
    )


def _side_diff(sides: list[Side]) -> Levels:
    steps = itertools.pairwise(sides)
    ticks: Ints = np.unique(np.concatenate([touched(*step) for step in steps]))
    last = sides[-1]
    sizes = last.sizes_at(ticks)
    return list(zip((ticks * last.unit).tolist(), sizes.tolist(), strict=True))


def top_levels(side: Side, levels: int) -> Levels:
    """The best levels, best first."""
    prices, sizes = side.prices[:levels].tolist(), side.sizes[:levels].tolist()
    return list(zip(prices, sizes, strict=True))


def previous_due(slot: int, every: int, phase: int) -> int:
    """The slot of the diff before the one that is due at ``slot``."""
    return ((slot + phase) // every - 1) * every - phase


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
        slot, every = self._exchange.slot, topic.name.every
        if topic.name.kind is Kind.DEPTH_TOP:
            levels = topic.name.levels
            top = self._exchange.book(symbol, levels)
            sides = top_levels(top.bids, levels), top_levels(top.asks, levels)
            self._send(topic, previous_due(slot, every, topic.rank), sides)
            return
        before = topic.state
        if not isinstance(before, Book):
            baseline = previous_due(slot, every, topic.rank)
            before = self._exchange.book_at(symbol, baseline)
        book = self._book(symbol)
        topic.state = book
        self._send(topic, before.slot, book_diff(self._way(symbol, before, book)))

    def _way(self, symbol: Symbol, before: Book, after: Book) -> list[Book]:
        """The books between two slots that a reader could have met with other prices.

        While the best bid stands still, versions alone tell what was touched.
        """
        first = max(before.slot + 1, after.slot - _MOST_SLOTS)
        between = range(first, after.slot)
        bids = {self._exchange.bid_at(symbol, slot) for slot in between}
        if bids <= {before.bids.price} & {after.bids.price}:
            return [before, after]
        books = [self._exchange.book_at(symbol, slot) for slot in between]
        return [before, *books, after]

    def _book(self, symbol: Symbol) -> Book:
        book = self._made.get(symbol.rank)
        if book is None:
            book = self._made[symbol.rank] = self._exchange.book(symbol)
        return book

    def _send(self, topic: Topic, previous: int, sides: tuple[Levels, Levels]) -> None:
        symbol, slot = self._exchange.symbols[topic.rank], self._exchange.slot
        time = self._exchange.moment.time_ms
        ids = (
            first_update_id(previous, symbol),
            update_id(slot, symbol),
            update_id(previous, symbol),
        )
        payload = self._payloads.depth(topic.rank, (time, time), ids, *sides)
        self._hub.publish(topic, payload)
