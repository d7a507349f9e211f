"""The rules for candles, as passes over whole columns.

Numbers must be finite, prices above 0, volumes and trades not below; a bar's low and high
hold its open and close; open times stand on the grid of the interval, each of them once.
Gaps are told and refuse nothing. Nothing is changed but the order, and nothing is added.
"""

from dataclasses import dataclass, field

import numpy as np

from market.domain.candles import INTERVAL_MS, bar_open
from market.history.columns import PRICES, Bars, Floats, Ints, Mask
from market.history.findings import Findings
from market.history.rules import (
    contradictory,
    gap_starts,
    not_finite,
    repeated,
    steps,
    swapped_volumes,
)

NAN, INFINITE = "must not be NaN", "must be finite"
POSITIVE, NOT_NEGATIVE = "must be above 0", "must not be below 0"
HIGH, LOW = "high must be the largest price", "low must be the smallest price"
TRADES = "must be a whole number below 2³¹"
OFF_GRID = "must open on the grid of {}"
FUTURE = "must not open in the future"
CONFLICT = "a second bar of this time, with other values"
MOST_TRADES = 2**31 - 1


@dataclass(frozen=True)
class Gap:
    """Missing bars between two bars of a file: first and last open time, ms."""

    first: int
    last: int
    bars: int


@dataclass
class Checked:
    """Bars in order of time, each once; good only when ``findings`` is empty."""

    bars: Bars
    findings: Findings
    repeated: int = 0
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(bars: Bars, findings: Findings, *, interval: str, now_ms: int) -> Checked:
    """Apply all rules to the bars of a file.

    Bars that have not closed by ``now_ms`` are left out; raises ``ValueError`` for an
    interval that does not exist.
    """
    length = INTERVAL_MS.get(interval)
    if length is None:
        raise ValueError(f"{interval!r} is none of {', '.join(INTERVAL_MS)}")
    _check_values(bars, findings)
    _check_order_of_prices(bars, findings)
    checked = Checked(bars, findings)
    _put_in_order(checked)
    _check_times(checked, interval, length, now_ms)
    _drop_repeated(checked)
    if not findings.total:
        _leave_out_unfinished(checked, length, now_ms)
        checked.gaps = _gaps(checked.bars.open_times, length)
        _note_volumes(checked)
    return checked


def _check_values(bars: Bars, findings: Findings) -> None:
    lines = bars.lines
    for name, column in bars.values.items():
        low = column <= 0 if name in PRICES else column < 0
        bad = not_finite(column)
        if bad is not None:
            nan = np.isnan(column)
            findings.add_all(nan, lines, name, column, NAN)
            findings.add_all(bad & ~nan, lines, name, column, INFINITE)
            low &= ~bad
        rule = POSITIVE if name in PRICES else NOT_NEGATIVE
        findings.add_all(low, lines, name, column, rule)
    if "trades" in bars.values:
        trades = np.where(np.isfinite(bars.values["trades"]), bars.values["trades"], 0)
        bad = (trades > MOST_TRADES) | (trades % 1 != 0)
        findings.add_all(bad, lines, "trades", trades, TRADES)


def _check_order_of_prices(bars: Bars, findings: Findings) -> None:
    prices = [bars.values[name] for name in PRICES]
    above, below = contradictory(*prices)
    findings.add_all(above, bars.lines, "high", bars.values["high"], HIGH)
    findings.add_all(below, bars.lines, "low", bars.values["low"], LOW)


def _put_in_order(checked: Checked) -> None:
    """Turn a file that begins with the newest bar; sort any other order."""
    bars, step = checked.bars, steps(checked.bars.open_times)
    back, on = np.count_nonzero(step < 0), np.count_nonzero(step > 0)
    if not back:
        return
    turned = back > on
    if turned:
        checked.notes.append("the file begins with the newest bar: turned")
        checked.bars = bars.take(slice(None, None, -1))
    if on if turned else back:
        out = np.flatnonzero(step > 0 if turned else step < 0)
        checked.notes.append(
            f"{len(out):,} times out of order, first at {checked.findings.place} "
            f"{bars.lines[out[0] + 1]}: sorted by open time"
        )
        order = np.argsort(checked.bars.open_times, kind="stable")
        checked.bars = checked.bars.take(order)


def _check_times(checked: Checked, interval: str, length: int, now_ms: int) -> None:
    bars, findings = checked.bars, checked.findings
    times = bars.open_times
    offset = bar_open(0, interval) % length
    off = (times - offset) % length != 0
    found = _usual_step(times)
    if found and found != length:
        name = next((n for n, ms in INTERVAL_MS.items() if ms == found), f"{found} ms")
        rule = f"the bars of this file are mostly {name} apart, not {interval}"
        findings.add(int(bars.lines[0]), "open time", int(times[0]), rule)
        return
    findings.add_all(off, bars.lines, "open time", times, OFF_GRID.format(interval))
    findings.add_all(times > now_ms, bars.lines, "open time", times, FUTURE)


def _usual_step(times: Ints) -> int:
    """Return the commonest distance between bars, 0 when there is none."""
    step = steps(times)
    distances, counts = np.unique(step[step > 0], return_counts=True)
    return int(distances[np.argmax(counts)]) if len(distances) else 0


def _drop_repeated(checked: Checked) -> None:
    """Keep the first of equal bars; equal times with other values are a fault."""
    bars = checked.bars
    same = repeated(bars.open_times)
    if same is None:
        return
    at = np.flatnonzero(same)
    differs = np.zeros(len(bars), dtype=np.bool_)
    for column in bars.values.values():
        differs[at] |= column[at] != column[at - 1]
    checked.findings.add_all(
        differs, bars.lines, "open time", bars.open_times, CONFLICT
    )
    checked.repeated = int(np.count_nonzero(same & ~differs))
    checked.bars = bars.take(~same)


def _leave_out_unfinished(checked: Checked, length: int, now_ms: int) -> None:
    closed: Mask = checked.bars.open_times + length <= now_ms
    if not closed.all():
        left = int(np.count_nonzero(~closed))
        checked.notes.append(f"{left} not closed yet: left out")
        checked.bars = checked.bars.take(closed)


def _gaps(times: Ints, length: int) -> list[Gap]:
    at = gap_starts(times, length)
    return [
        Gap(before + length, after - length, (after - before) // length - 1)
        for before, after in zip(
            times[at].tolist(), times[at + 1].tolist(), strict=True
        )
    ]


def _note_volumes(checked: Checked) -> None:
    values = checked.bars.values
    if "quote_volume" not in values:
        return
    swapped = swapped_volumes(
        values["volume"], values["quote_volume"], values["low"], values["high"]
    )
    count = int(np.count_nonzero(swapped))
    if count:
        first = int(checked.bars.lines[swapped].min())
        checked.notes.append(
            f"volume and quote_volume stand in each other's column in {count:,} bars, "
            f"first at {checked.findings.place} {first}: stored as they are; "
            "--swap-volumes puts them right"
        )


def with_volumes_put_right(bars: Bars) -> tuple[Bars, int]:
    """Exchange volume and quote volume where only that fits the prices; count them."""
    values = dict(bars.values)
    if "quote_volume" not in values:
        return bars, 0
    volume, quote = values["volume"], values["quote_volume"]
    swapped = swapped_volumes(volume, quote, values["low"], values["high"])
    values["volume"] = _chosen(swapped, quote, volume)
    values["quote_volume"] = _chosen(swapped, volume, quote)
    return Bars(bars.open_times, bars.lines, values), int(np.count_nonzero(swapped))


def _chosen(mask: Mask, yes: Floats, no: Floats) -> Floats:
    return np.where(mask, yes, no)
