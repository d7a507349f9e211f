"""The formulas, each a few array operations that work bar by bar.

No value can depend on a later bar. Sources: J. W. Wilder, New Concepts in Technical
Trading Systems (1978) for RSI, true range, directional movement and ADX.
"""

import numpy as np

from market.indicators.types import Floats

NO_MOVE_RSI = 50.0


def ema_weight(period: int) -> float:
    """Weight of the newest value in an exponential average: 2 / (period + 1)."""
    return 2.0 / (period + 1)


def price_moves(close: Floats, before: Floats, gain: Floats, loss: Floats) -> None:
    """Write gain and loss of a close against the one before; one of them is 0."""
    change = close - before
    np.maximum(change, 0.0, out=gain)
    np.negative(change, out=change)
    np.maximum(change, 0.0, out=loss)


def directional_moves(
    ranges: tuple[Floats, Floats],
    ranges_before: tuple[Floats, Floats],
    plus: Floats,
    minus: Floats,
) -> None:
    """Write +DM and -DM: the larger of the moves beyond the last high and the last low.

    Ranges are (high, low). Equal or inside moves give 0 for both.
    """
    up = ranges[0] - ranges_before[0]
    down = ranges_before[1] - ranges[1]
    up_wins, down_wins = up > down, down > up
    np.maximum(up, 0.0, out=up)
    np.maximum(down, 0.0, out=down)
    np.multiply(up, up_wins, out=plus)
    np.multiply(down, down_wins, out=minus)


def true_range(high: Floats, low: Floats, close_before: Floats, out: Floats) -> None:
    """Write the range of the bar, the last close included."""
    top = np.maximum(high, close_before)
    np.subtract(top, np.minimum(low, close_before), out=out)


def relative_strength(gain: Floats, loss: Floats, out: Floats) -> None:
    """Write RSI = 100 x gain / (gain + loss), both averaged; 50 without any move."""
    total = gain + loss
    if total.min() > 0:
        np.divide(gain, total, out=out)
    else:
        out[...] = NO_MOVE_RSI / 100.0
        np.divide(gain, total, out=out, where=total > 0)
    out *= 100.0


def directional_index(plus: Floats, minus: Floats) -> Floats:
    """DX as a share, |+DI - -DI| / (+DI + -DI), both averaged.

    Both indicators are divided by the same true range, so it cancels. DX is undefined,
    0 here, only as long as there never was a directional move; ADX is 0 then, too.
    """
    total = plus + minus
    apart = plus - minus
    np.abs(apart, out=apart)
    if total.min() > 0:
        apart /= total
    else:
        np.divide(apart, total, out=apart, where=total > 0)
    return apart
