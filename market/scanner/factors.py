"""Factors: each looks at one side of a symbol and says how much it speaks for a rise.

A factor's value has no unit and lies from -1 (a fall) over 0 (nothing) to 1 (a rise);
it is None when its inputs are unknown. All are the same for every symbol: prices enter
only as shares of each other or of the ATR. Values are the house's; only what the last
closed bar and the present quote tell is used.
"""

from collections.abc import Callable
from math import tanh
from typing import NamedTuple

import numpy as np

from market.scanner.inputs import ScanInputs

# ADX from which a trend counts fully: Wilder's "strong".
FULL_TREND_ADX = 25.0
WIDTH_BARS = 100
USUAL_FUNDING = 0.0001
EXTREME_FUNDING = 0.001
EXTREME_PREMIUM = 0.002


class Factor(NamedTuple):
    """A value from -1 to 1, or None without inputs, and what it was made of."""

    name: str
    value: float | None
    explanation: str


def trend(inputs: ScanInputs) -> Factor:
    """Distance of the averages in ATR, faded out where ADX sees no trend."""
    found = inputs.indicators
    distance = _share(found.ema_fast - found.ema_slow, found.atr)
    strength = min(1.0, found.adx / FULL_TREND_ADX)
    text = f"averages {distance:+.2f} ATR apart, ADX {found.adx:.0f}"
    return Factor("trend", tanh(distance / 2) * strength, text)


def momentum(inputs: ScanInputs) -> Factor:
    """Half RSI's distance from 50, half the MACD histogram in ATR."""
    found = inputs.indicators
    histogram = _share(found.macd_histogram, found.atr)
    value = ((found.rsi - 50) / 50 + tanh(2 * histogram)) / 2
    text = f"RSI {found.rsi:.0f}, MACD histogram {histogram:+.2f} ATR"
    return Factor("momentum", value, text)


def volatility(inputs: ScanInputs) -> Factor:
    """Place of the close between the bands, as far as the bands widen.

    Bands as wide as usual (median of the last 100 bars) or narrower say nothing; from
    twice as wide on, the place counts fully.
    """
    found = inputs.indicators
    widths = found.series.bb_width[-WIDTH_BARS:]
    usual = float(np.nanmedian(widths))
    ratio = found.bb_width / usual if usual > 0 else 1.0
    half = found.bb_upper - found.bb_middle
    place = _clipped(_share(found.close - found.bb_middle, half))
    text = f"bands {ratio:.1f} × as wide as usual, close at {place:+.2f} of them"
    return Factor("volatility", place * min(1.0, max(0.0, ratio - 1)), text)


def structure(inputs: ScanInputs) -> Factor:
    """Half the structure; a break now, sweeps, and open blocks and gaps for the rest.

    Swept lows speak for a rise: the stops below have been taken.
    """
    found = inputs.indicators
    side = {"bullish": 1.0, "bearish": -1.0}.get(found.market_structure, 0.0)
    event = {"up": 1.0, "down": -1.0}.get(found.structure_event.rpartition("_")[2], 0.0)
    sweep = {"lows_swept": 1.0, "highs_swept": -1.0}.get(found.liquidity_context, 0.0)
    rising = found.bullish_order_blocks + found.bullish_gaps
    falling = found.bearish_order_blocks + found.bearish_gaps
    balance = _share(rising - falling, rising + falling)
    text = (
        f"structure {found.market_structure}, event {found.structure_event}, "
        f"liquidity {found.liquidity_context}, {rising} zones below, {falling} above"
    )
    value = 0.5 * side + 0.2 * event + 0.15 * sweep + 0.15 * balance
    return Factor("structure", value, text)


def flow(inputs: ScanInputs) -> Factor:
    """Share of the bar's volume that takers bought: all is 1, none is -1."""
    if inputs.volume is None or inputs.taker_base is None:
        return Factor("flow", None, "volume of takers unknown")
    if inputs.volume == 0:
        return Factor("flow", 0.0, "nobody traded")
    share = inputs.taker_base / inputs.volume
    return Factor("flow", 2 * share - 1, f"takers bought {share:.0%} of the volume")


def imbalance(inputs: ScanInputs) -> Factor:
    """Size of the best bid against the best ask."""
    bid, ask = inputs.bid_quantity, inputs.ask_quantity
    if bid is None or ask is None:
        return Factor("imbalance", None, "quote unknown")
    value = _share(bid - ask, bid + ask)
    return Factor("imbalance", value, f"best bid {bid:g}, best ask {ask:g}")


def carry(inputs: ScanInputs) -> Factor:
    """Against the crowd: dear funding and a mark above the index speak for a fall.

    Funding counts from its usual 0.01 % on; 0.1 % more, or a premium of 0.2 %, is full.
    """
    funding, premium = inputs.funding_rate, inputs.mark_premium
    parts = []
    if funding is not None:
        parts.append(_clipped((funding - USUAL_FUNDING) / EXTREME_FUNDING))
    if premium is not None:
        parts.append(_clipped(premium / EXTREME_PREMIUM))
    if not parts:
        return Factor("carry", None, "funding and mark unknown")
    shown = (
        f"{name} {value:+.4%}"
        for name, value in (("funding", funding), ("premium", premium))
        if value is not None
    )
    return Factor("carry", -sum(parts) / len(parts), ", ".join(shown))


def forecast(inputs: ScanInputs) -> Factor:
    """Expected return of the model against the ATR as a share of the price."""
    if inputs.forecast is None:
        return Factor("forecast", None, "no valid forecast")
    found = inputs.indicators
    usual = found.atr / found.close
    text = f"model expects {inputs.forecast:+.2%}, ATR is {usual:.2%}"
    return Factor("forecast", tanh(_share(inputs.forecast, usual)), text)


FACTORS: tuple[Callable[[ScanInputs], Factor], ...] = (
    trend,
    momentum,
    volatility,
    structure,
    flow,
    imbalance,
    carry,
    forecast,
)


def factors_of(inputs: ScanInputs) -> tuple[Factor, ...]:
    """Return all factors in their order."""
    return tuple(factor(inputs) for factor in FACTORS)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _clipped(value: float) -> float:
    return max(-1.0, min(1.0, value))
