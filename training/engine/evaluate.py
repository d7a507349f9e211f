"""How good a trained model is on bars it has never seen, after fees."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import InvalidInput
from training.engine import strategy
from training.engine.data import SeriesData, Splits, WindowSet
from training.engine.judging import predict, targets
from training.engine.losses import GMADLLoss
from training.engine.windows import Borders

Floats = NDArray[np.float64]
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS


@dataclass(frozen=True)
class Forecasts:
    """First step ahead of every window, in the data's own units, (windows,) each.

    ``earlier``: the true value of the bar before, ``previous`` of the one before that;
    ``begins``: the bar to be forecast does not follow that of the window before it.
    """

    forecast: Floats
    truth: Floats
    earlier: Floats
    previous: Floats
    times: NDArray[np.int64]
    begins: NDArray[np.bool_]

    def bars(self, per_year: float) -> strategy.Bars:
        """Return what a strategy trades; only for returns."""
        return strategy.Bars(self.truth, self.times, self.begins, per_year)


def forecasts(model: nn.Module, splits: Splits, data: WindowSet) -> Forecasts:
    """Forecast every window of a split."""
    count = splits.shape.targets
    raw = splits.standardizer.targets_back(predict(model, data), count)
    truth = splits.standardizer.targets_back(targets(data), count)
    starts = data.starts.cpu().numpy()
    last = starts + splits.shape.window.seq_len - 1
    values = data.values.cpu().numpy()[:, :count]
    known = splits.standardizer.targets_back(values, count)[:, 0]
    return Forecasts(
        forecast=raw[:, 0, 0],
        truth=truth[:, 0, 0],
        earlier=known[last],
        previous=known[np.maximum(last - 1, 0)],
        times=data.target_times(),
        begins=np.concatenate(([True], np.diff(starts) != 1)),
    )


def as_returns(found: Forecasts, splits: Splits) -> Forecasts:
    """Return forecasts of returns; levels are logarithms of prices."""
    if splits.shape.target_kind == "return":
        return found
    return Forecasts(
        forecast=np.expm1(found.forecast - found.earlier),
        truth=np.expm1(found.truth - found.earlier),
        earlier=np.expm1(found.earlier - found.previous),
        previous=found.previous,
        times=found.times,
        begins=found.begins,
    )


def errors(found: Forecasts, *, a: float = 1000.0, b: float = 2.0) -> dict[str, float]:
    """Return MAE, MSE, directional accuracy (bars that moved) and GMADL of returns."""
    error = found.forecast - found.truth
    moved = found.truth != 0
    right = np.sign(found.forecast[moved]) == np.sign(found.truth[moved])
    gmadl = GMADLLoss(a, b)(
        torch.from_numpy(found.forecast), torch.from_numpy(found.truth)
    )
    return {
        "mae": float(np.abs(error).mean()),
        "mse": float((error**2).mean()),
        "directional_accuracy": float(right.mean()) if len(right) else math.nan,
        "gmadl": float(gmadl),
        "mae_of_zero": float(np.abs(found.truth).mean()),
    }


def evaluate(
    model: nn.Module, splits: Splits, *, step_ms: int, fee: float = strategy.FEE
) -> dict[str, Any]:
    """Return errors and strategy figures on the test windows, beside the baselines.

    Thresholds are chosen on validation windows. Symbols are traded beside each other
    with equal weights, every stretch begins and ends flat. JSON values only.
    """
    validation = as_returns(forecasts(model, splits, splits.validation), splits)
    test = as_returns(forecasts(model, splits, splits.test), splits)
    per_year = YEAR_MS / step_ms
    chosen = strategy.choose_thresholds(
        validation.forecast, validation.bars(per_year), fee=fee
    )
    place = strategy.positions(test.forecast, chosen, test.begins)
    reports = all_reports(test, place, fee=fee, per_year=per_year)
    return {
        "test": _finite(errors(test)),
        "validation": _finite(errors(validation)),
        "fee": fee,
        "bars": len(test.truth),
        "first": int(test.times.min()),
        "last": int(test.times.max()),
        "thresholds": _finite(vars(chosen)),
        "strategies": {
            name: {
                **_finite(found.figures()),
                "equity": [round(one, 6) for one in strategy.thinned(found.equity)],
            }
            for name, found in reports.items()
        },
    }


def all_reports(
    found: Forecasts, position: Floats, *, fee: float, per_year: float
) -> dict[str, strategy.Report]:
    """Return the model's report and those of the strategies that need none."""
    bars = found.bars(per_year)
    model = strategy.report(bars, position, fee=fee)
    return {"model": model, **strategy.baselines(bars, found.earlier, fee=fee)}


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if not isinstance(value, float) or math.isfinite(value) else None
        for name, value in values.items()
    }


def walk_forward(
    series: Sequence[SeriesData], *, inside_ms: int, outside_ms: int, train_share: float
) -> Iterator[Borders]:
    """Yield borders of windows in time: ``inside_ms`` to learn and choose from, then
    ``outside_ms`` to judge by, each beginning where the one before stopped judging.
    """
    if not 0 < train_share < 1:
        raise InvalidInput("train_share", train_share, "must be above 0 and below 1")
    first = min(int(one.times[0]) for one in series)
    last = max(int(one.times[-1]) for one in series)
    # The last bar lasts as long as the one before it.
    end = last + int(min(np.diff(series[0].times)))
    begin, found = first, False
    while begin + inside_ms + outside_ms <= end:
        found = True
        yield Borders(
            train=begin + int(inside_ms * train_share),
            validation=begin + inside_ms,
            test=begin + inside_ms + outside_ms,
        )
        begin += outside_ms
    if not found:
        days = (last - first) / (24 * HOUR_MS)
        raise InvalidInput(
            "series",
            f"{days:.0f} days",
            f"hold no {inside_ms / 864e5:.0f} + {outside_ms / 864e5:.0f} days",
        )


def since(series: Sequence[SeriesData], begin: int) -> list[SeriesData]:
    """Return the bars from ``begin`` (ms) on, of series that have any."""
    found = []
    for one in series:
        at = int(np.searchsorted(one.times, begin))
        if at < len(one.times):
            found.append(replace(one, values=one.values[at:], times=one.times[at:]))
    return found


def joined(parts: Sequence[Forecasts], step_ms: int) -> Forecasts:
    """Return the forecasts of windows in time one after the other.

    Where both are of a single stretch, a window goes on with what the one before it
    held at its end.
    """
    names = ("forecast", "truth", "earlier", "previous", "times", "begins")
    whole = [np.concatenate([getattr(one, name) for one in parts]) for name in names]
    begins, at = whole[-1], 0
    for one, following in itertools.pairwise(parts):
        at += len(one.times)
        follows = following.times[0] - one.times[-1] == step_ms
        if follows and one.begins.sum() == following.begins.sum() == 1:
            begins[at] = False
    return Forecasts(*whole)
