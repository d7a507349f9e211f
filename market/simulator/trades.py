"""Trades of a minute and the sums over them, each a pure function of (seed, symbol, minute).

Prices in price units, quantities in steps (``market.simulator.symbols``), times in ms.
Ids are dense: minute number since the epoch x trades per minute + position in the minute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.simulator.cache import Recent
from market.simulator.hashing import Floats, Ints, hashes, key, normal
from market.simulator.intervals import MINUTE
from market.simulator.patterns import COUNT, MEAN_WEIGHT, Patterns, draw_patterns
from market.simulator.prices import DAY_MINUTES, EPOCH_MS, PricePaths
from market.simulator.symbols import Symbol

# Columns of a bar: prices in units, volumes in steps, values in units x steps.
OPEN, HIGH, LOW, CLOSE, VOLUME, VALUE, TAKER_VOLUME, TAKER_VALUE = range(8)
COLUMNS = 8

_EPOCH_MINUTE = EPOCH_MS // MINUTE
_MIN_TICKS = 50


@dataclass(frozen=True, eq=False)
class MinuteTrades:
    """The trades of one minute, oldest first, and the best bid when each took place."""

    first_id: int
    times: Ints
    prices: Ints
    quantities: Ints
    buyer_is_maker: npt.NDArray[np.bool_]
    bids: Ints


@dataclass(frozen=True, eq=False)
class _Minutes:
    """What a run of minutes is made of: levels in ticks [n, M], picks and sizes [n]."""

    levels: Ints
    patterns: Ints
    sizes: Ints


def first_trade_id(symbol: Symbol, minute: int) -> int:
    """Id of the first trade of the minute (minutes since 1970)."""
    return (minute - _EPOCH_MINUTE) * symbol.trades_per_minute + 1


def trade_minute(symbol: Symbol, trade_id: int) -> tuple[int, int]:
    """(minute, position in it) of a trade."""
    minutes, position = divmod(trade_id - 1, symbol.trades_per_minute)
    return _EPOCH_MINUTE + minutes, position


class TradeTape:
    """Every trade that was or will be, of every symbol."""

    def __init__(self, seed: int, symbols: Sequence[Symbol], paths: PricePaths) -> None:
        self._seed = seed
        self._paths = paths
        self._keys = [key(seed, "trades", symbol.base) for symbol in symbols]
        self._sizes = [_usual_size(symbol) for symbol in symbols]
        self._chunks = [_chunk_minutes(symbol) for symbol in symbols]
        self._made: Recent[tuple[int, int], list[MinuteTrades]] = Recent(1024)
        self._symbols = symbols

    def minute(self, symbol: Symbol, minute: int) -> MinuteTrades:
        chunk, position = divmod(minute, self._chunks[symbol.rank])
        made = self._made.get_or_make((symbol.rank, chunk), self._make_chunk)
        return made[position]

    def trades(
        self, symbol: Symbol, first_id: int, last_id: int
    ) -> Iterator[tuple[int, int, int, int, bool]]:
        """(id, price, quantity, time, buyer is maker) of every trade in the range."""
        number = first_id
        while number <= last_id:
            minute, position = trade_minute(symbol, number)
            trades = self.minute(symbol, minute)
            stop = min(len(trades.times), position + last_id - number + 1)
            part = slice(position, stop)
            yield from zip(
                range(number, number + stop - position),
                trades.prices[part].tolist(),
                trades.quantities[part].tolist(),
                trades.times[part].tolist(),
                trades.buyer_is_maker[part].tolist(),
                strict=True,
            )
            number += stop - position

    def minute_bars(self, symbol: Symbol, day: int) -> Ints:
        """[1440, COLUMNS]: one bar for every minute of the day."""
        patterns = self._patterns(symbol)
        made = self._draw(symbol, day, 0, DAY_MINUTES)
        return _sums(symbol, patterns, made)

    def forget_from(self, minute: int) -> None:
        """Drop what was computed of this minute and later ones."""
        chunks = self._chunks
        self._made.drop(lambda entry: (entry[1] + 1) * chunks[entry[0]] > minute)

    def _patterns(self, symbol: Symbol) -> Patterns:
        return draw_patterns(
            self._seed, symbol.trades_per_minute, symbol.moves_per_minute
        )

    def _draw(self, symbol: Symbol, day: int, start: int, stop: int) -> _Minutes:
        """Minutes ``start`` to ``stop`` of the day."""
        patterns = self._patterns(symbol)
        logs = self._paths.log_path(symbol, day)
        first, moves = logs[start:stop], np.diff(logs)[start:stop]
        sigma = self._paths.minute_volatility(symbol, day)[start:stop]
        scale = self._paths.minute_scale(day)[start:stop]
        minutes = day * DAY_MINUTES + np.arange(start, stop, dtype=np.int64)
        hashed = hashes(self._keys[symbol.rank], minutes)
        shape_picks = (hashed & np.uint64(COUNT - 1)).astype(np.int64)
        chance = ((hashed >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.float64)
        picks = _lean(chance / 65536.0, moves / sigma)
        within = patterns.shapes[shape_picks] * (0.6 * sigma)[:, None]
        part = np.arange(patterns.moves) / patterns.moves
        path = first[:, None] + moves[:, None] * part + within
        levels = (np.exp(path) / symbol.tick).astype(np.int64)
        sizes = self._sizes[symbol.rank] * np.exp(
            0.5 * normal(self._keys[symbol.rank] ^ 1, minutes)
        )
        return _Minutes(
            levels=np.maximum(levels, _MIN_TICKS),
            patterns=picks,
            sizes=np.maximum((sizes * scale).astype(np.int64), 1),
        )

    def _make_chunk(self, entry: tuple[int, int]) -> list[MinuteTrades]:
        rank, chunk = entry
        symbol, length = self._symbols[rank], self._chunks[rank]
        patterns = self._patterns(symbol)
        minute = chunk * length
        day, position = divmod(minute, DAY_MINUTES)
        made = self._draw(symbol, day, position, position + length)
        buys = patterns.buys[made.patterns]
        bids = np.repeat(made.levels, patterns.per_move, axis=1) * symbol.tick_units
        prices = bids + np.where(buys, symbol.spread_ticks * symbol.tick_units, 0)
        offsets = (patterns.offsets[made.patterns] * MINUTE).astype(np.int64)
        quantities = patterns.weights[made.patterns] * made.sizes[:, None]
        return [
            MinuteTrades(
                first_id=first_trade_id(symbol, minute + row),
                times=(minute + row) * MINUTE + offsets[row],
                prices=prices[row],
                quantities=quantities[row],
                buyer_is_maker=~buys[row],
                bids=bids[row],
            )
            for row in range(length)
        ]


def _chunk_minutes(symbol: Symbol) -> int:
    """Minutes computed together: a divisor of the day, about 240 trades."""
    fitting = 240 // symbol.trades_per_minute
    return max(count for count in (1, 2, 3, 5, 10, 20, 30, 60) if count <= fitting)


def _usual_size(symbol: Symbol) -> float:
    """Steps of a trade of weight 1 in a usual minute."""
    value = symbol.daily_volume / DAY_MINUTES / symbol.trades_per_minute
    steps = value / symbol.reference_price * 10**symbol.quantity_decimals
    return float(steps / MEAN_WEIGHT)


def _lean(chance: Floats, returns: Floats) -> Ints:
    """Pattern of each minute: a rising minute leans to patterns with more taker buys."""
    lean = 0.55 * chance + 0.45 * (0.5 + 0.5 * np.tanh(returns))
    result: Ints = np.minimum((lean * COUNT).astype(np.int64), COUNT - 1)
    return result


def _sums(symbol: Symbol, patterns: Patterns, made: _Minutes) -> Ints:
    """The bar of each minute, equal to adding up its trades."""
    spread, unit = symbol.spread_ticks, symbol.tick_units
    levels, picks, sizes = made.levels, made.patterns, made.sizes
    weight = patterns.move_weight[picks]
    buy_weight = patterns.move_buy_weight[picks]
    total, buy_total = weight.sum(axis=1), buy_weight.sum(axis=1)
    bought = (levels * buy_weight).sum(axis=1) + spread * buy_total
    value = (levels * weight).sum(axis=1) + spread * buy_total
    bars = np.empty((len(sizes), COLUMNS), dtype=np.int64)
    bars[:, OPEN] = levels[:, 0] + spread * patterns.buys[picks, 0]
    bars[:, HIGH] = (levels + spread * patterns.has_buy[picks]).max(axis=1)
    bars[:, LOW] = (levels + spread * ~patterns.has_sell[picks]).min(axis=1)
    bars[:, CLOSE] = levels[:, -1] + spread * patterns.buys[picks, -1]
    bars[:, VOLUME] = total * sizes
    bars[:, VALUE] = value * sizes * unit
    bars[:, TAKER_VOLUME] = buy_total * sizes
    bars[:, TAKER_VALUE] = bought * sizes * unit
    bars[:, : CLOSE + 1] *= unit
    return bars
