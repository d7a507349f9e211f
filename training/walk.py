"""A model over the years: learn, choose, judge, walk on; after fees, over seeds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InvalidInput
from market.domain.candles import INTERVAL_MS
from training import datasets
from training.engine.config import positive
from training.study_spec import StudySpec

if TYPE_CHECKING:
    from training.engine.data import SeriesData
    from training.engine.evaluate import Forecasts
    from training.engine.strategy import Report

DAY_MS = 86_400_000
STRATEGIES = ("model", "buy_and_hold", "flat", "sign", "persistence")


@dataclass(frozen=True)
class WalkPlan:
    """Days to learn and choose from (``train_share`` of them to learn), days to judge;
    ``shuffled``: targets are mixed first, so that nothing can be learned.
    """

    inside_days: float = 730.0
    outside_days: float = 182.5
    train_share: float = 0.8
    seeds: int = 3
    fee: float = 0.001
    shuffled: bool = False

    def __post_init__(self) -> None:
        positive(self, "inside_days", "outside_days", "seeds")
        for name in ("fee", "train_share"):
            if not 0 <= getattr(self, name) < 1:
                value = getattr(self, name)
                raise InvalidInput(name, value, "must be 0 or more, below 1")


@dataclass(frozen=True)
class Walked:
    """One seed over all windows, joined; ``reports`` by strategy, ``errors`` as in
    ``evaluate.errors``.
    """

    seed: int
    windows: int
    reports: "dict[str, Report]"
    errors: dict[str, float]


def walk(
    spec: StudySpec,
    plan: WalkPlan,
    *,
    venue: str,
    show: Callable[[int, int, int], None] = lambda seed, window, of: None,
) -> Iterator[Walked]:
    """Yield every seed's result; raises ``InvalidInput`` for bad data."""
    from training.engine.evaluate import all_reports, errors, joined

    data = datasets.study_data(spec, venue=venue)
    step = INTERVAL_MS[spec.interval]
    per_year = 365 * DAY_MS / step
    for seed in range(plan.seeds):
        series = data.series()
        if plan.shuffled:
            series = [_shuffled(one, seed) for one in series]
        parts, places = _windows(series, spec, plan, seed, per_year, show)
        whole = joined(parts, step)
        place = np.concatenate(places)
        reports = all_reports(whole, place, fee=plan.fee, per_year=per_year)
        yield Walked(seed, len(parts), reports, errors(whole))


def _windows(
    series: "list[SeriesData]",
    spec: StudySpec,
    plan: WalkPlan,
    seed: int,
    per_year: float,
    show: Callable[[int, int, int], None],
) -> "tuple[list[Forecasts], list[Any]]":
    """Train and forecast each window; returns forecasts and positions."""
    from training.engine import strategy
    from training.engine.build import build_model
    from training.engine.data import make_splits
    from training.engine.evaluate import as_returns, forecasts, since, walk_forward
    from training.engine.loop import train
    from training.engine.seeds import seed_everything

    inside = int(plan.inside_days * DAY_MS)
    borders = list(
        walk_forward(
            series,
            inside_ms=inside,
            outside_ms=int(plan.outside_days * DAY_MS),
            train_share=plan.train_share,
        )
    )
    parts, places = [], []
    for number, border in enumerate(borders, 1):
        show(seed, number, len(borders))
        near = since(series, border.validation - inside)
        splits = make_splits(near, spec.window, border)
        seed_everything(seed)
        model = build_model(spec.model, splits.shape)
        for _ in train(model, splits, spec.train):
            pass
        chosen = as_returns(forecasts(model, splits, splits.validation), splits)
        thresholds = strategy.choose_thresholds(
            chosen.forecast, chosen.bars(per_year), fee=plan.fee
        )
        judged = as_returns(forecasts(model, splits, splits.test), splits)
        parts.append(judged)
        places.append(strategy.positions(judged.forecast, thresholds, judged.begins))
    return parts, places


def _shuffled(series: "SeriesData", seed: int) -> "SeriesData":
    """Mix the targets over time: the features stay, what follows them is chance."""
    values = series.values.copy()
    order = np.random.default_rng(seed).permutation(len(values))
    values[:, : series.targets] = values[order, : series.targets]
    return replace(series, values=values)
