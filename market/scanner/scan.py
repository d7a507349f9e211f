"""Judging one symbol: bars and quote in, a score with its evidence or a reason out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from core.errors import InvalidInput
from market.indicators import EliteTechnicalEngine
from market.indicators.result import Indicators
from market.scanner.factors import factors_of
from market.scanner.history import History
from market.scanner.inputs import ScanInputs
from market.scanner.score import Score, score_of
from market.scanner.weights import Weights

KEPT_INPUTS = tuple(
    item.name for item in fields(ScanInputs) if item.name != "indicators"
)


class Unfit(Exception):
    """A symbol that cannot be judged; the text says why."""


@dataclass(frozen=True)
class QuoteValues:
    """What the live quote adds; None is unknown. See ``ScanInputs``."""

    bid_quantity: float | None = None
    ask_quantity: float | None = None
    funding_rate: float | None = None
    mark_premium: float | None = None
    price: float | None = None

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> "QuoteValues":
        """Read the row of a symbol as ``MarketState.quote_item`` makes it."""
        mark, index = item.get("m"), item.get("i")
        premium = mark / index - 1.0 if mark and index else None
        return cls(item.get("B"), item.get("A"), item.get("f"), premium, item.get("p"))


@dataclass(frozen=True)
class Judgement:
    """One symbol judged; ``factors`` and ``inputs`` as a signal stores them.

    A signal's inputs hold the evidence of ``bars`` too.
    """

    symbol: str
    bar_open: int
    price: float
    score: Score
    factors: list[dict[str, Any]]
    inputs: dict[str, Any]
    bars: History


def check(history: History, *, expected_open: int, step: int, least: int) -> None:
    """Raise ``Unfit`` unless the bars end at ``expected_open`` without a gap."""
    if len(history) == 0:
        raise Unfit("no bars are stored")
    newest = int(history.times[-1])
    if newest != expected_open:
        missing = (expected_open - newest) // step
        raise Unfit(f"the last bar is missing ({missing} behind)")
    whole = unbroken(history, step)
    if len(whole) < least:
        what = "bars" if len(whole) == len(history) else "bars since the last gap"
        raise Unfit(f"{len(whole)} {what}, at least {least} are needed")


def unbroken(history: History, step: int) -> History:
    """Return the bars after the last gap."""
    jumps = np.flatnonzero(np.diff(history.times) != step)
    return (
        history if not len(jumps) else history.last(len(history) - int(jumps[-1]) - 1)
    )


def indicators_of(
    engine: EliteTechnicalEngine, symbol: str, history: History
) -> Indicators:
    """Return everything about the bars; raises ``Unfit`` for bars that cannot be."""
    try:
        return engine.calculate_bars(history.bars(symbol))[0]
    except InvalidInput as error:
        raise Unfit(str(error)) from error


def judge(
    symbol: str,
    history: History,
    indicators: Indicators,
    quote: QuoteValues,
    weights: Weights,
) -> Judgement:
    """Return score, factors and inputs; raises ``Unfit`` for values that cannot be."""
    values = asdict(quote)
    price = values.pop("price") or indicators.close
    try:
        inputs = ScanInputs(
            indicators,
            volume=float(history.volume[-1]),
            taker_base=history.last_taker_base(),
            **values,
        )
    except InvalidInput as error:
        raise Unfit(str(error)) from error
    factors = factors_of(inputs)
    return Judgement(
        symbol=symbol,
        bar_open=int(history.times[-1]),
        price=price,
        score=score_of(factors, weights),
        factors=[
            {
                "name": factor.name,
                "value": factor.value,
                "weight": getattr(weights, factor.name),
                "explanation": factor.explanation,
            }
            for factor in factors
        ],
        inputs={name: getattr(inputs, name) for name in KEPT_INPUTS},
        bars=history,
    )
