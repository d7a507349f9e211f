"""ETTh1, the field's common yardstick: oil temperature of a transformer, hourly.

Source: Zhou et al. 2021; ETDataset (CC BY-ND 4.0). Univariate (column OT), months 1-12
to learn from, 13-16 to choose by, 17-20 to judge by, scaled by training bars, every
test window counts.
"""

import csv
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InvalidInput
from training.engine.build import build_model
from training.engine.config import ModelConfig, TrainConfig, WindowConfig
from training.engine.data import SeriesData, Splits, make_splits
from training.engine.judging import predict, targets
from training.engine.loop import train
from training.engine.results import EpochResult
from training.engine.seeds import seed_everything
from training.engine.windows import Borders

TRAIN, VALIDATION, TEST = 8640, 2880, 2880
SEQ_LEN, LABEL_LEN = 96, 48
HORIZONS = (24, 48, 168)
# Zhou et al. 2021, table 1 (univariate ETTh1): MSE / MAE.
PUBLISHED = {24: (0.098, 0.247), 48: (0.158, 0.319), 168: (0.183, 0.346)}
MODEL = ModelConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, dropout=0.2, distil=False
)
LEARNING_RATE, BATCH, EPOCHS = 2e-5, 64, 4

Show = Callable[[int, str, int, EpochResult], None]


@dataclass(frozen=True)
class Score:
    """Errors over all test windows, in deviations of the training bars."""

    model: str
    horizon: int
    seed: int | None
    mse: float
    mae: float
    windows: int
    seconds: float


def read(path: Path) -> SeriesData:
    """Return the OT column; raises ``InvalidInput`` for another file."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0][0] != "date" or rows[0][-1] != "OT":
        raise InvalidInput("file", str(path), "must be ETTh1.csv (date, …, OT)")
    needed = TRAIN + VALIDATION + TEST
    if len(rows) <= needed:
        raise InvalidInput("file", f"{len(rows) - 1} rows", f"{needed} are needed")
    times = np.array([row[0] for row in rows[1:]], dtype="datetime64[ms]")
    values = np.array([[float(row[-1])] for row in rows[1:]])
    return SeriesData("ETTh1", values, times.astype(np.int64), ("OT",))


def splits_for(series: SeriesData, horizon: int) -> Splits:
    """Return the published split for so many hours ahead."""
    times = series.times
    borders = Borders(
        int(times[TRAIN]),
        int(times[TRAIN + VALIDATION]),
        int(times[TRAIN + VALIDATION + TEST]),
    )
    return make_splits([series], WindowConfig(SEQ_LEN, LABEL_LEN, horizon), borders)


def scores(
    series: SeriesData,
    horizons: tuple[int, ...],
    seeds: int,
    epochs: int,
    show: Show = lambda *_: None,
) -> Iterator[Score]:
    """Yield persistence, ridge and the Informer of every seed, per horizon."""
    for horizon in horizons:
        splits = splits_for(series, horizon)
        for name in ("persistence", "ridge"):
            yield _score(splits, ModelConfig(kind=name), horizon, None, 1, show)
        for seed in range(seeds):
            yield _score(splits, MODEL, horizon, seed, epochs, show)


def _score(
    splits: Splits,
    config: ModelConfig,
    horizon: int,
    seed: int | None,
    epochs: int,
    show: Show,
) -> Score:
    began = time.perf_counter()
    seed_everything(seed or 0)
    model = build_model(config, splits.shape)
    wanted = TrainConfig(
        epochs=epochs,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        weight_decay=0.01,
        patience=2,
        seed=seed or 0,
    )
    for result in train(model, splits, wanted):
        show(horizon, config.kind, seed or 0, result)
    error = predict(model, splits.test) - targets(splits.test)
    return Score(
        model=config.kind,
        horizon=horizon,
        seed=seed,
        mse=float(np.mean(error.astype(np.float64) ** 2)),
        mae=float(np.mean(np.abs(error.astype(np.float64)))),
        windows=len(splits.test),
        seconds=time.perf_counter() - began,
    )


def median(found: list[Score], horizon: int, model: str) -> tuple[float, float]:
    """Return median MSE and MAE over seeds."""
    kept = [one for one in found if (one.horizon, one.model) == (horizon, model)]
    return (
        statistics.median(one.mse for one in kept),
        statistics.median(one.mae for one in kept),
    )
