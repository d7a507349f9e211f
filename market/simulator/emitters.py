"""What goes out on each kind of stream at each slot. One class per kind of state.

Frame rates per stream (real time, whatever the speed):

====================  =========================================================
bookTicker            when the top changes: about 20/s for the 20 most traded
                      symbols, about 10/s for the others
kline, continuous     at most every 250 ms, only after a new trade (0.4 to 4/s);
                      the closing frame 0.2 to 0.6 s after the close, one in
                      sixteen about 2 s after it
aggTrade              every trade, batched by 100 ms, E = T + 150 ms
trade                 every trade, within 50 ms
markPrice             3 s, with @1s 1 s
miniTicker, ticker    2 s, arrays 1 s, only symbols that traded
depth, depth5/10/20   250 ms, or 100 ms, 500 ms, 50 ms (@0ms)
!bookTicker           5 s
forceOrder            1 s at most, about one in eight seconds over all symbols
====================  =========================================================
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from market.simulator.exchange import Exchange
from market.simulator.hashing import Ints, mix
from market.simulator.hub import Hub, Topic
from market.simulator.intervals import DAY, FIXED, MINUTE, bar_end
from market.simulator.payloads import Payloads
from market.simulator.streams import Kind
from market.simulator.trades import first_trade_id

# After a longer pause (a suspended machine) missed closes are left to REST.
_MOST_BARS_LATE = 60

Mask = npt.NDArray[np.bool_]


class Wanted:
    """Topics of some kinds by rank, looked up anew when the hub changed."""

    def __init__(self, hub: Hub, count: int, kinds: tuple[Kind, ...]) -> None:
        self._hub = hub
        self._kinds = kinds
        self._version = -1
        self.mask: Mask = np.zeros(count, dtype=np.bool_)
        self.topics: dict[int, list[Topic]] = {}

    def refresh(self, accept: Callable[[Topic], bool] = lambda _: True) -> None:
        if self._hub.version == self._version:
            return
        self._version = self._hub.version
        self.topics = {}
        self.mask = np.zeros_like(self.mask)
        for kind in self._kinds:
            for topic in self._hub.topics(kind):
                if accept(topic):
                    self.topics.setdefault(topic.rank, []).append(topic)
                    if topic.rank >= 0:
                        self.mask[topic.rank] = True


class BookTickers:
    """``<s>@bookTicker``: a frame whenever the best price or size changed."""

    def __init__(self, exchange: Exchange, hub: Hub, payloads: Payloads) -> None:
        self._exchange, self._hub, self._payloads = exchange, hub, payloads
        self._wanted = Wanted(hub, len(exchange.symbols), (Kind.BOOK_TICKER,))
        self._sent = np.zeros((len(exchange.symbols), 4), dtype=np.int64)

    def emit(self) -> None:
        self._wanted.refresh()
        tops = self._exchange.tops
        changed = (tops != self._sent).any(axis=1) & self._wanted.mask
        self._sent = tops
        ranks = np.nonzero(changed)[0]
        time = self._exchange.moment.time_ms
        base = self._exchange.slot * 1024
        write, publish = self._payloads.book_ticker, self._hub.publish
        for rank, top in zip(ranks.tolist(), tops[ranks].tolist(), strict=True):
            payload = write(rank, base + rank, top, time, time)
            for topic in self._wanted.topics[rank]:
                publish(topic, payload)


class Klines:
    """``<s>@kline_<i>`` and ``continuousKline`` of one interval."""

    def __init__(
        self, exchange: Exchange, hub: Hub, payloads: Payloads, interval: str
    ) -> None:
        self._exchange, self._hub, self._payloads = exchange, hub, payloads
        self._interval = interval
        count = len(exchange.symbols)
        self._wanted = Wanted(hub, count, (Kind.KLINE, Kind.CONTINUOUS_KLINE))
        self._opened = np.zeros(count, dtype=np.int64)
        self._sent_ids = np.zeros(count, dtype=np.int64)
        self._live: Mask = np.zeros(count, dtype=np.bool_)

    def emit(self) -> None:
        self._wanted.refresh(self._is_mine)
        if not self._wanted.topics:
            # What closes now is gone for those who come later.
            self._live = self._wanted.mask
            return
        moment = self._exchange.moment
        opened, rows, counts = self._exchange.live.open_rows(self._interval, moment)
        fresh = self._wanted.mask & ~self._live
        self._opened[fresh] = opened
        self._sent_ids[fresh] = 0
        self._live = self._wanted.mask
        self._emit_closed(opened)
        due = (
            self._wanted.mask
            & self._exchange.due_by_rank(5)
            & (self._opened == opened)
            & (moment.last_ids != self._sent_ids)
            & (counts > 0)
        )
        ranks = np.nonzero(due)[0]
        self._sent_ids[ranks] = moment.last_ids[ranks]
        for rank, row, count in zip(
            ranks.tolist(), rows[ranks].tolist(), counts[ranks].tolist(), strict=True
        ):
            self._send(rank, opened, row, count, closed=False)

    def _is_mine(self, topic: Topic) -> bool:
        return topic.name.interval == self._interval

    def _emit_closed(self, opened: int) -> None:
        length = FIXED.get(self._interval, DAY)
        lost = self._opened < opened - _MOST_BARS_LATE * length
        self._opened[lost] = opened
        late = np.nonzero(self._wanted.mask & (self._opened < opened))[0]
        now = self._exchange.moment.time_ms
        for rank in late.tolist():
            bar = int(self._opened[rank])
            while bar < opened:
                end = bar_end(self._interval, bar)
                if now < end + self._close_delay(rank, end):
                    break
                self._send_closed(rank, bar, end)
                bar = end
            self._opened[rank] = bar

    def _send_closed(self, rank: int, bar: int, end: int) -> None:
        symbol = self._exchange.symbols[rank]
        kept = self._exchange.live.grow(self._interval).closed.get(bar)
        if kept is None:
            row = self._exchange.bars.closed(symbol, self._interval, bar, end)[0]
        else:
            row = kept[rank]
        count = (end - bar) // MINUTE * symbol.trades_per_minute
        self._send(rank, bar, row.tolist(), count, closed=True)

    def _close_delay(self, rank: int, end: int) -> int:
        drawn = mix(end ^ (rank << 48))
        delay = 200 + drawn % 400 if (drawn >> 32) % 16 else 1990 + drawn % 15
        length = FIXED.get(self._interval, MINUTE)
        return min(int(delay * self._exchange.settings.speed), length // 4)

    def _send(
        self, rank: int, bar: int, row: list[int], count: int, *, closed: bool
    ) -> None:
        symbol = self._exchange.symbols[rank]
        event = self._exchange.moment.time_ms
        times = (bar, bar_end(self._interval, bar) - 1)
        ids = (first_trade_id(symbol, bar // MINUTE), count)
        for topic in self._wanted.topics[rank]:
            plain = topic.name.kind is Kind.KLINE
            candle = self._payloads.candle(
                rank, self._interval, times, row, ids, closed=closed, named=plain
            )
            write = self._payloads.kline if plain else self._payloads.continuous_kline
            self._hub.publish(topic, write(rank, event, candle))


class Trades:
    """``aggTrade`` (batched, 150 ms late) and ``trade``."""

    def __init__(
        self, exchange: Exchange, hub: Hub, payloads: Payloads, kind: Kind
    ) -> None:
        self._exchange, self._hub, self._payloads = exchange, hub, payloads
        self._kind = kind
        self._aggregated = kind is Kind.AGG_TRADE
        self._every = 2 if self._aggregated else 1
        lag = 150 if self._aggregated else 0
        self._lag = int(lag * exchange.settings.speed)
        self._wanted = Wanted(hub, len(exchange.symbols), (kind,))
        self._sent_ids: Ints = np.zeros(len(exchange.symbols), dtype=np.int64)

    def emit(self) -> None:
        self._wanted.refresh()
        self._sent_ids[~self._wanted.mask] = 0
        if not self._wanted.topics or not self._exchange.due(self._every):
            return
        live = self._exchange.live
        newest = live.ids_at(self._exchange.moment.time_ms - self._lag)
        fresh = self._wanted.mask & (self._sent_ids == 0)
        self._sent_ids[fresh] = newest[fresh]
        ranks = np.nonzero(self._wanted.mask & (newest > self._sent_ids))[0]
        for rank in ranks.tolist():
            self._send(rank, int(self._sent_ids[rank]) + 1, int(newest[rank]))
        self._sent_ids[ranks] = newest[ranks]

    def _send(self, rank: int, first: int, last: int) -> None:
        symbol = self._exchange.symbols[rank]
        event = self._exchange.moment.time_ms
        for trade in self._exchange.tape.trades(symbol, first, last):
            if self._aggregated:
                payload = self._payloads.agg_trade(rank, trade[3] + self._lag, trade)
                self._publish(rank, payload)
                continue
            self._publish(rank, self._payloads.trade(rank, event, trade))
            if mix(trade[0]) % 97 == 0:
                self._publish(rank, self._payloads.no_trade(rank, event, trade[0]))

    def _publish(self, rank: int, payload: str) -> None:
        for topic in self._wanted.topics[rank]:
            self._hub.publish(topic, payload)
