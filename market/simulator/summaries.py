"""Periodic streams: mark prices, 24 h tickers, all-symbol arrays, forced orders."""

import numpy as np

from market.simulator.emitters import Wanted
from market.simulator.exchange import Exchange
from market.simulator.hub import ALL_SYMBOLS, Hub
from market.simulator.listing import COIN_MARGINED
from market.simulator.payloads import Payloads
from market.simulator.prices import DAY_MINUTES
from market.simulator.streams import Kind


def day_window(exchange: Exchange, rank: int) -> tuple[int, int, int, int, int]:
    """Open time, close time, first id, last id and count of the rolling 24 hours."""
    moment, symbol = exchange.moment, exchange.symbols[rank]
    length = symbol.trades_per_minute
    count = (DAY_MINUTES - 1) * length + int(moment.counts[rank])
    newest = int(moment.last_ids[rank])
    start = (moment.minute - DAY_MINUTES + 1) * 60_000
    return start, moment.time_ms, newest - count + 1, newest, count


class Summaries:
    """Everything that goes out on the beat of whole real seconds."""

    def __init__(self, exchange: Exchange, hub: Hub, payloads: Payloads) -> None:
        self._exchange, self._hub, self._payloads = exchange, hub, payloads
        count = len(exchange.symbols)
        self._marks = Wanted(hub, count, (Kind.MARK_PRICE, Kind.MARK_PRICE_ALL))
        self._minis = Wanted(hub, count, (Kind.MINI_TICKER, Kind.MINI_TICKER_ALL))
        self._tickers = Wanted(hub, count, (Kind.TICKER, Kind.TICKER_ALL))
        self._books = Wanted(hub, count, (Kind.BOOK_TICKER_ALL,))
        self._forced = Wanted(hub, count, (Kind.FORCE_ORDER, Kind.FORCE_ORDER_ALL))
        self._ids_before = exchange.moment.last_ids
        self._ids_two_before = exchange.moment.last_ids

    def emit(self) -> None:
        if not self._exchange.due(20):
            return
        for wanted in (
            self._marks,
            self._minis,
            self._tickers,
            self._books,
            self._forced,
        ):
            wanted.refresh()
        self._emit_marks()
        self._emit_tickers()
        self._emit_books()
        self._emit_forced()

    def _emit_marks(self) -> None:
        if not self._marks.topics:
            return
        marks = self._exchange.marks()
        event = self._exchange.moment.time_ms
        rows = zip(
            marks.mark.tolist(), marks.index.tolist(), marks.rates.tolist(), strict=True
        )
        wants_all = ALL_SYMBOLS in self._marks.topics
        texts = {
            rank: self._payloads.mark_price(rank, event, row, marks.next_funding_ms)
            for rank, row in enumerate(rows)
            if wants_all or rank in self._marks.topics
        }
        self._publish(self._marks, texts, list(texts))

    def _emit_tickers(self) -> None:
        ids = self._exchange.moment.last_ids
        changed = ids != self._ids_before
        for wanted, write in (
            (self._minis, self._mini_text),
            (self._tickers, self._ticker_text),
        ):
            if not wanted.topics:
                continue
            rows = self._exchange.day_bars()
            wants_all = ALL_SYMBOLS in wanted.topics
            ranks = np.nonzero(changed if wants_all else changed & wanted.mask)[0]
            ranks_two = np.nonzero((ids != self._ids_two_before) & wanted.mask)[0]
            every = set(ranks.tolist()) | set(ranks_two.tolist())
            texts = {rank: write(rank, rows[rank].tolist()) for rank in sorted(every)}
            self._publish(wanted, texts, ranks.tolist())
        self._ids_before = ids
        if self._exchange.due(40):
            self._ids_two_before = ids

    def _mini_text(self, rank: int, row: list[int]) -> str:
        moment = self._exchange.moment
        last = int(moment.last_prices[rank])
        return self._payloads.mini_ticker(rank, moment.time_ms, last, row)

    def _ticker_text(self, rank: int, row: list[int]) -> str:
        moment = self._exchange.moment
        last = (
            int(moment.last_prices[rank]),
            self._exchange.live.last_quantity(rank, moment),
        )
        window = day_window(self._exchange, rank)
        return self._payloads.ticker(rank, moment.time_ms, last, row, window)

    def _emit_books(self) -> None:
        if not self._books.topics or not self._exchange.due(100):
            return
        time, slot = self._exchange.moment.time_ms, self._exchange.slot
        for rank, top in enumerate(self._exchange.tops.tolist()):
            text = self._payloads.book_ticker(rank, slot * 1024 + rank, top, time, time)
            for entry in (text, *self._coin_margined(rank, text)):
                for topic in self._books.topics[ALL_SYMBOLS]:
                    self._hub.publish(topic, entry)

    def _emit_forced(self) -> None:
        if not self._forced.topics:
            return
        moment = self._exchange.moment
        second = self._exchange.slot // 20
        for order in self._exchange.derivatives.liquidations(
            second, moment.last_prices, moment.time_ms
        ):
            text = self._payloads.force_order(moment.time_ms, order)
            for rank in (order.rank, ALL_SYMBOLS):
                for topic in self._forced.topics.get(rank, ()):
                    self._hub.publish(topic, text)

    def _publish(
        self, wanted: Wanted, texts: dict[int, str], listed: list[int]
    ) -> None:
        """Each topic that is due gets its symbol's text, arrays all ``listed`` ones."""
        array = ""
        for rank, topics in wanted.topics.items():
            for topic in topics:
                if not self._exchange.due(topic.name.every):
                    continue
                if rank != ALL_SYMBOLS:
                    if rank in texts:
                        self._hub.publish(topic, texts[rank])
                    continue
                array = array or self._array(texts, listed)
                if array != "[]":
                    self._hub.publish(topic, array)

    def _array(self, texts: dict[int, str], listed: list[int]) -> str:
        entries = []
        for rank in listed:
            entries.append(texts[rank])
            entries += self._coin_margined(rank, texts[rank])
        return f"[{','.join(entries)}]"

    def _coin_margined(self, rank: int, text: str) -> list[str]:
        """The entry of the COIN-M symbol that shares the universe since 2026."""
        if not (self._payloads.modern and self._exchange.settings.coin_margined):
            return []
        name = self._exchange.symbols[rank].name
        return [
            text.replace(f'"s":"{name}"', f'"s":"{symbol}"')
            .replace(f'"ps":"{name}"', f'"ps":"{pair}"')
            .replace('"st":1', '"st":2')
            for symbol, pair, follows in COIN_MARGINED
            if follows == name
        ]
