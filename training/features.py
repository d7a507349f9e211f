"""What a model is shown of each bar, computed by the one indicator engine.

Every feature has no scale of its own (shares, ratios, codes), so that symbols can be
learned from together, and looks only at its own bar and earlier ones.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from market.indicators.engine import EliteTechnicalEngine
from market.indicators.structure import structure_features
from market.scanner.history import History

Floats = NDArray[np.float64]
# Indicators by name, (bars,) each; those of structure are whole numbers.
Values = Mapping[str, NDArray[Any]]
VOLUME_BARS = 24


@dataclass(frozen=True)
class Feature:
    """One column: ``make`` gives (bars,), NaN while it is not defined yet.

    ``structure``: it needs swings and zones, which cost most of the time.
    """

    name: str
    text: str
    make: Callable[[History, Values], Floats]
    structure: bool = False


def returns(close: Floats, bars: int = 1) -> Floats:
    """Return close / close ``bars`` earlier - 1; NaN for the first ones."""
    found = np.full(len(close), np.nan)
    found[bars:] = close[bars:] / close[:-bars] - 1.0
    return found


def log_range(history: History) -> Floats:
    """Return ln(high / low): how far the price went within a bar."""
    found: Floats = np.log(history.high / history.low)
    return found


def _volume_change(history: History, _: Values) -> Floats:
    volume = np.log1p(history.volume)
    found = np.full(len(volume), np.nan)
    if len(volume) > VOLUME_BARS:
        total = np.concatenate(([0.0], np.cumsum(volume)))
        before = (total[VOLUME_BARS:-1] - total[: -VOLUME_BARS - 1]) / VOLUME_BARS
        found[VOLUME_BARS:] = volume[VOLUME_BARS:] - before
    return found


def _taker_share(history: History, _: Values) -> Floats:
    if history.volume.any() and not history.taker_base.any():
        raise InvalidInput(
            "features", "taker_share", "these bars say nothing of takers' volume"
        )
    volume = history.volume
    share: Floats = np.divide(
        history.taker_base, volume, out=np.full(len(volume), 0.5), where=volume > 0
    )
    return share - 0.5


def _bollinger_place(history: History, series: Values) -> Floats:
    width = series["bb_upper"] - series["bb_lower"]
    place: Floats = np.divide(
        history.close - series["bb_lower"],
        width,
        out=np.where(np.isnan(width), np.nan, 0.5),
        where=width > 0,
    )
    return place - 0.5


FEATURES: dict[str, Feature] = {
    one.name: one
    for one in (
        Feature(
            "return_1",
            "close over the close before, minus 1",
            lambda h, s: returns(h.close),
        ),
        Feature(
            "return_4",
            "close over the close 4 bars earlier, minus 1",
            lambda h, s: returns(h.close, 4),
        ),
        Feature(
            "return_24",
            "close over the close 24 bars earlier, minus 1",
            lambda h, s: returns(h.close, 24),
        ),
        Feature(
            "range",
            "high minus low, over close",
            lambda h, s: (h.high - h.low) / h.close,
        ),
        Feature(
            "body",
            "close minus open, over open",
            lambda h, s: (h.close - h.open) / h.open,
        ),
        Feature(
            "volume_change",
            "ln(1 + volume) minus its mean over the 24 bars before",
            _volume_change,
        ),
        Feature(
            "taker_share", "share of volume bought by takers, minus 1/2", _taker_share
        ),
        Feature("rsi", "RSI / 100, minus 1/2", lambda h, s: s["rsi"] / 100 - 0.5),
        Feature(
            "macd_histogram",
            "MACD histogram over close",
            lambda h, s: s["macd_histogram"] / h.close,
        ),
        Feature("bb_width", "width of the Bollinger bands", lambda h, s: s["bb_width"]),
        Feature(
            "bb_place",
            "place of the close between the bands (-1/2 lower, 1/2 upper)",
            _bollinger_place,
        ),
        Feature("adx", "ADX / 100", lambda h, s: s["adx"] / 100),
        Feature("atr", "ATR over close", lambda h, s: s["atr"] / h.close),
        Feature(
            "ema_distance",
            "fast over slow EMA, minus 1",
            lambda h, s: s["ema_fast"] / s["ema_slow"] - 1,
        ),
        Feature(
            "market_structure",
            "direction of the swings: -1, 0, 1",
            lambda h, s: s["market_structure"].astype(np.float64),
            structure=True,
        ),
        Feature(
            "structure_event",
            "break of structure or change of character at this bar: -2 to 2",
            lambda h, s: s["structure_event"].astype(np.float64),
            structure=True,
        ),
        Feature(
            "order_blocks",
            "bullish minus bearish order blocks that are open",
            lambda h, s: (s["bullish_order_blocks"] - s["bearish_order_blocks"]).astype(
                np.float64
            ),
            structure=True,
        ),
        Feature(
            "fair_value_gaps",
            "bullish minus bearish fair value gaps that are open",
            lambda h, s: (s["bullish_gaps"] - s["bearish_gaps"]).astype(np.float64),
            structure=True,
        ),
    )
}
DEFAULT = (
    *("return_4", "return_24", "range", "body", "volume_change", "rsi"),
    *("macd_histogram", "bb_width", "adx", "atr", "ema_distance"),
)


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names; raises ``InvalidInput`` for unknown and repeated ones."""
    found = tuple(names)
    for name in found:
        if name not in FEATURES:
            known = ", ".join(FEATURES)
            raise InvalidInput("features", name, f"must be one of {known}")
    if len(set(found)) != len(found):
        raise InvalidInput("features", found, "must not name a feature twice")
    return found


def feature_matrix(
    history: History, names: Iterable[str], engine: EliteTechnicalEngine
) -> Floats:
    """Return (bars, features) of one stretch without a gap; NaN during the warm-up.

    Raises ``InvalidBars`` for bars the engine refuses.
    """
    wanted = [FEATURES[name] for name in check_names(names)]
    if not wanted:
        return np.zeros((len(history), 0))
    bars = history.bars("features")
    values: dict[str, NDArray[Any]] = dict(engine.calculate_panel(bars).column(0))
    if any(one.structure for one in wanted):
        values |= vars(structure_features(bars, values["atr"], engine.config))
    columns = [one.make(history, values) for one in wanted]
    return np.column_stack(columns)
