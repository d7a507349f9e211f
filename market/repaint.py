"""Computes a stored score again from the bars that it was made of."""

from typing import Any

from market import signal_selectors
from market.domain.candles import INTERVAL_MS
from market.models import Signal
from market.scanner.evidence import evidence
from market.scanner.factors import factors_of
from market.scanner.inputs import ScanInputs
from market.scanner.scan import KEPT_INPUTS, Unfit, indicators_of
from market.scanner.score import score_of
from market.scanner.weights import Weights
from market.technical import technical_engine

TOLERANCE = 1e-9


def check(row: Signal) -> dict[str, Any]:
    """Return stored and present score, their difference and whether they are the same.

    ``bars_changed`` says that the bars are others than then (repaired, or gone): a
    difference is no repainting then. ``now`` is None when it cannot be computed.
    """
    wanted = row.inputs
    answer: dict[str, Any] = {
        "stored": row.score,
        "now": None,
        "difference": None,
        "same": False,
        "bars_changed": True,
        "says": "",
    }
    step = INTERVAL_MS[row.interval]
    found = signal_selectors.histories(
        venue=row.venue,
        interval=row.interval,
        symbols=[row.symbol],
        since=wanted["bars_from"],
    ).get(row.symbol)
    count = (row.bar_open - wanted["bars_from"]) // step + 1
    if found is None:
        return {**answer, "says": "its bars are no longer stored"}
    bars = found.first(int((found.times <= row.bar_open).sum()))
    if len(bars) != count or len(bars) == 0:
        return {**answer, "says": f"{len(bars)} of its {count} bars are stored"}
    changed = evidence(bars)["bars_hash"] != wanted.get("bars_hash")
    try:
        indicators = indicators_of(technical_engine(), row.symbol, bars)
    except Unfit as error:
        return {**answer, "says": str(error)}
    inputs = ScanInputs(indicators, **{name: wanted.get(name) for name in KEPT_INPUTS})
    weights = Weights(**{part["name"]: part["weight"] for part in row.factors})
    now = score_of(factors_of(inputs), weights).score
    difference = abs(now - row.score)
    same = difference <= TOLERANCE
    return {
        "stored": row.score,
        "now": now,
        "difference": difference,
        "same": same,
        "bars_changed": changed,
        "says": "" if same or not changed else "its bars were repaired since",
    }
