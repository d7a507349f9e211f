"""The written definitions of the structure features, followed bar by bar and slowly."""

import itertools
import math


def swing_highs(high, wing):
    """By confirming bar: (price, bar of the swing)."""
    found = {}
    for bar in range(wing, len(high) - wing):
        before, after = high[bar - wing : bar], high[bar + 1 : bar + wing + 1]
        if all(high[bar] > x for x in before) and all(high[bar] >= x for x in after):
            found[bar + wing] = (high[bar], bar)
    return found


def mirrored(values):
    return [-value for value in values]


def open_gaps(high, low, at, life):
    """Open bullish gaps at the close of bar ``at``."""
    return sum(
        low[start] > high[start - 2]
        and all(low[later] > high[start - 2] for later in range(start + 1, at + 1))
        for start in range(max(2, at - life + 1), at + 1)
    )


def open_blocks(rows, events, origins, at, life):
    """Open bullish order blocks at the close of bar ``at``; rows are (o, h, l, c)."""
    blocks = {}
    for bar in range(at + 1):
        if events[bar] <= 0:
            continue
        down = [b for b in range(origins[bar], bar) if rows[b][3] < rows[b][0]]
        if down:
            blocks.setdefault(down[-1], bar)
    return sum(
        at < known + life
        and all(rows[later][3] >= rows[block][2] for later in range(known + 1, at + 1))
        for block, known in blocks.items()
    )


def liquidity(rows, atr, config):
    """The context at the close of every bar."""
    high, low, close = ([row[place] for row in rows] for place in (1, 2, 3))
    above = side(high, close, atr, config)
    below = side(mirrored(low), mirrored(close), atr, config)
    return [context(above, below, bar, config.sweep_bars) for bar in range(len(rows))]


def side(high, close, atr, config):
    """(bars that sweep a high, bars with equal highs)."""
    swings = swing_highs(high, config.swing_bars)
    life, swept, equal = config.zone_bars, set(), set()

    def untouched(confirmed, level, at):
        later = range(confirmed + 1, at + 1)
        return at < confirmed + life and all(high[b] <= level for b in later)

    for bar in range(len(high)):
        known = [(c, level) for c, (level, _) in swings.items() if c <= bar]
        for confirmed, level in known:
            fresh = confirmed < bar and untouched(confirmed, level, bar - 1)
            young = bar < confirmed + life
            if fresh and young and high[bar] > level and close[bar] <= level:
                swept.add(bar)
        for (older, low_one), (newer, level) in itertools.product(known, known):
            near = abs(low_one - level) <= config.equal_atr * atr[newer]
            both = older < newer and near and untouched(older, low_one, newer)
            if both and untouched(newer, max(low_one, level), bar):
                equal.add(bar)
    return swept, equal


def context(above, below, bar, sweep_bars):
    newest = {
        name: max((b for b in swept if bar - sweep_bars < b <= bar), default=-math.inf)
        for name, (swept, _) in (("highs", above), ("lows", below))
    }
    if max(newest.values()) > -math.inf:
        if newest["highs"] == newest["lows"]:
            return "both_swept"
        return max(newest, key=newest.get) + "_swept"
    names = [n for n, (_, equal) in (("highs", above), ("lows", below)) if bar in equal]
    return "equal_" + "_and_".join(names) if names else "none"
