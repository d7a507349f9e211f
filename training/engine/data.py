"""Series, splits in the order of time, and windows gathered from memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidInput
from training.engine.config import Shape, TargetKind, WindowConfig
from training.engine.validation import check_series
from training.engine.windows import Borders, window_starts

MARKS = 4
# The largest number of half precision; beyond it a value is a mistake in any precision.
FARTHEST = 65504.0


@dataclass(frozen=True)
class SeriesData:
    """Bars of one symbol without a gap; several symbols or pieces are several of these.

    ``values`` (bars, columns): the first ``targets`` columns are what is forecast, the
    others help. ``times`` (bars,): open times, ms since the epoch, rising. With
    ``step_ms``, the length of a bar, a gap among them is refused; without it the caller
    answers for that.
    """

    name: str
    values: NDArray[np.floating[Any]]
    times: NDArray[np.int64]
    columns: tuple[str, ...]
    targets: int = 1
    target_kind: TargetKind = "level"
    step_ms: int | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise InvalidInput(
                "values", self.values.shape, f"must be (bars, {len(self.columns)})"
            )
        if self.times.shape != self.values.shape[:1]:
            raise InvalidInput("times", self.times.shape, "must have one time per bar")
        if not 1 <= self.targets <= len(self.columns):
            raise InvalidInput("targets", self.targets, "must be 1 to the columns")


@dataclass(frozen=True)
class Standardizer:
    """Mean and deviation per column, fitted on training bars only.

    The targets of returns keep their zero (mean 0), since their sign is what matters.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def apply(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return (bars, columns) in units of deviations."""
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def targets_back(
        self, values: NDArray[np.floating[Any]], targets: int
    ) -> NDArray[np.float64]:
        """Return (..., targets) forecasts in the units of the data."""
        mean, deviation = self.mean[:targets], self.deviation[:targets]
        return values.astype(np.float64) * deviation + mean


@dataclass(frozen=True)
class Batch:
    """x (B, seq_len, features), y (B, pred_len, targets), and the marks of both;
    ``y_marks`` cover label_len + pred_len.
    """

    x: Tensor
    y: Tensor
    x_marks: Tensor
    y_marks: Tensor


class WindowSet:
    """Windows of one split; a batch is gathered by index, on the device."""

    def __init__(
        self,
        values: Tensor,
        marks: Tensor,
        starts: Tensor,
        shape: Shape,
        times: NDArray[np.int64],
    ) -> None:
        """``values`` (bars, features) of all series one after the other; ``starts``
        (windows,): first bar of each window; ``times`` (bars,).
        """
        self.values, self.marks, self.starts = values, marks, starts
        self.shape = shape
        self._times = times
        window = shape.window
        device = values.device
        whole = window.seq_len + window.pred_len
        self._offsets = torch.arange(whole, device=device)

    def __len__(self) -> int:
        return len(self.starts)

    def batch(self, indices: Tensor) -> Batch:
        """Return the windows numbered ``indices`` (B,)."""
        window = self.shape.window
        bars = self.starts[indices].unsqueeze(1) + self._offsets
        seen = self.values[bars[:, : window.seq_len]]
        marks = self.marks[bars]
        return Batch(
            x=seen,
            y=self.values[bars[:, window.seq_len :]][..., : self.shape.targets],
            x_marks=marks[:, : window.seq_len],
            y_marks=marks[:, window.seq_len - window.label_len :],
        )

    def all_batches(self, size: int) -> list[Tensor]:
        """Return index tensors that cover every window once, in order."""
        indices = torch.arange(len(self), device=self.values.device)
        return list(indices.split(size))

    def target_times(self) -> NDArray[np.int64]:
        """Return the time of each window's first bar to be forecast, (windows,)."""
        first = self.starts.cpu().numpy() + self.shape.window.seq_len
        found: NDArray[np.int64] = self._times[first]
        return found


@dataclass(frozen=True)
class Splits:
    """Windows to learn from, to choose by and to judge by."""

    shape: Shape
    columns: tuple[str, ...]
    standardizer: Standardizer
    borders: Borders
    train: WindowSet
    validation: WindowSet
    test: WindowSet


def time_marks(times: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return (bars, 4): hour, weekday, day of month, month (UTC), each -0.5 to 0.5."""
    seconds = times.astype("datetime64[ms]")
    days = seconds.astype("datetime64[D]")
    months = seconds.astype("datetime64[M]")
    hour = (seconds - days).astype(np.int64) / 3_600_000
    weekday = (days.astype(np.int64) + 3) % 7
    day = (days - months.astype("datetime64[D]")).astype(np.int64)
    month = months.astype(np.int64) % 12
    marks = np.stack((hour / 24, weekday / 6, day / 30, month / 11), axis=1)
    return (marks - 0.5).astype(np.float32)


def make_splits(
    series: Sequence[SeriesData],
    window: WindowConfig,
    borders: Borders,
    *,
    device: torch.device | str = "cpu",
) -> Splits:
    """Return the windows of each split.

    A window belongs to the split in which all the bars lie that it forecasts; the bars
    it looks at may lie earlier. Raises ``BadData`` for values that are no numbers or
    too far out, times that do not rise or skip bars, ``InvalidInput`` when a split has
    no window.
    """
    first = _alike(series)
    for one in series:
        check_series(one.name, one.values, one.times, one.columns, step_ms=one.step_ms)
    standardizer = _fit(series, borders.train)
    shape = Shape(
        features=len(first.columns),
        targets=first.targets,
        marks=MARKS,
        window=window,
        target_kind=first.target_kind,
    )
    values = torch.from_numpy(
        np.concatenate([_scaled(one, standardizer) for one in series])
    ).to(device)
    times = np.concatenate([one.times for one in series])
    marks = torch.from_numpy(time_marks(times)).to(device)
    sets = []
    for name, starts in window_starts(series, window, borders).items():
        if not len(starts):
            raise InvalidInput(
                "series",
                f"{len(times)} bars",
                f"gives no {name} window of {window.seq_len} + {window.pred_len} bars",
            )
        found = torch.from_numpy(starts).to(device)
        sets.append(WindowSet(values, marks, found, shape, times))
    return Splits(shape, first.columns, standardizer, borders, *sets)


def _scaled(series: SeriesData, standardizer: Standardizer) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        scaled = standardizer.apply(series.values)
    if len(scaled) and max(scaled.max(), -scaled.min()) > FARTHEST:
        limits = FARTHEST * standardizer.deviation
        low, high = standardizer.mean - limits, standardizer.mean + limits
        check_series(
            series.name,
            series.values,
            series.times,
            series.columns,
            ranges=dict(zip(series.columns, zip(low, high, strict=True), strict=True)),
        )
    return scaled


def _alike(series: Sequence[SeriesData]) -> SeriesData:
    if not series:
        raise InvalidInput("series", series, "must have at least one")
    first = series[0]
    for one in series:
        if (one.columns, one.targets, one.target_kind) != (
            first.columns,
            first.targets,
            first.target_kind,
        ):
            raise InvalidInput("series", one.name, f"must be alike {first.name}")
    return first


def _fit(series: Sequence[SeriesData], before: int) -> Standardizer:
    known = np.concatenate([one.values[one.times < before] for one in series])
    if not len(known):
        raise InvalidInput("series", 0, "has no bar before the end of training")
    values = known.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = values.mean(axis=0), values.std(axis=0)
    vast = ~np.isfinite(mean + deviation)
    if vast.any():
        column = series[0].columns[int(np.argmax(vast))]
        raise InvalidInput(column, "its deviation", "is too large for a number")
    if series[0].target_kind == "return":
        targets = series[0].targets
        mean[:targets] = 0.0
        deviation[:targets] = np.sqrt((values[:, :targets] ** 2).mean(axis=0))
    # A column that never changes in training carries nothing.
    deviation[deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-30)] = 1.0
    return Standardizer(mean, deviation)
