"""Indicators of stored bars, bar by bar, for charts."""

from typing import Any

import numpy as np

from market import selectors
from market.indicators import Bars, IndicatorSeries
from market.indicators.bars import COLUMNS
from market.indicators.drawing import DrawnZone, zones_of
from market.indicators.result import WORDS
from market.technical import technical_engine

# Averages begun this many bars before the first answered one have forgotten how.
WARM_UP = 250


class TooFewBarsError(LookupError):
    """A series has fewer closed bars than the slowest indicator needs."""


def indicator_values(
    *, venue: str, symbol: str, interval: str, limit: int
) -> dict[str, Any]:
    """Return the values of the newest ``limit`` closed bars, oldest first.

    Raises ``TooFewBarsError``, and ``InvalidBars`` naming column and row of a stored
    bar that cannot be.
    """
    engine = technical_engine()
    bars = _stored(venue, symbol, interval, limit + WARM_UP)
    if len(bars) < engine.config.minimum_bars:
        raise TooFewBarsError(
            f"{symbol} {interval} has {len(bars)} closed bars, "
            f"{engine.config.minimum_bars} are needed"
        )
    (found,) = engine.calculate_bars(bars)
    times = found.series.times[-limit:].tolist()
    zones = [zone for zone in zones_of(bars, engine.config) if _reaches(zone, times[0])]
    return {
        "symbol": symbol,
        "interval": interval,
        "times": times,
        "series": _columns(found.series, limit),
        "words": _words(),
        "zones": [zone._asdict() for zone in zones],
        "cache": _cache(),
    }


def _reaches(zone: DrawnZone, first: int) -> bool:
    return zone.until is None or zone.until >= first


def _stored(venue: str, symbol: str, interval: str, limit: int) -> Bars:
    rows = selectors.bars_recent(
        venue=venue, symbol=symbol, interval=interval, limit=limit
    )
    table = np.array([row[: 1 + len(COLUMNS)] for row in rows], np.float64)
    table = table.reshape(-1, 1 + len(COLUMNS))
    columns = {name: table[:, place] for place, name in enumerate(COLUMNS, start=1)}
    return Bars.single(symbol, table[:, 0].astype(np.int64), **columns)


def _columns(series: IndicatorSeries, limit: int) -> dict[str, list[Any]]:
    return {
        name: values[-limit:].tolist()
        for name, values in vars(series).items()
        if name != "times"
    }


def _words() -> dict[str, dict[str, str]]:
    return {
        name: {str(code): word for code, word in names.items()}
        for name, names in WORDS.items()
    }


def _cache() -> dict[str, Any]:
    kept = technical_engine().cache_statistics()
    return {"hits": kept.hits, "misses": kept.misses, "hit_rate": kept.hit_rate}
