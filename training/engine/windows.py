"""Which bars make a window, and to which split it belongs. NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from training.engine.config import WindowConfig

SPLITS = ("train", "validation", "test")


class Timed(Protocol):
    """Bars without a gap; ``times`` (bars,) in ms, rising."""

    @property
    def times(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class Borders:
    """Times (ms) before which the bars to be forecast lie, of each split."""

    train: int
    validation: int
    test: int


def borders_by_share(
    series: Sequence[Timed], *, train: float, validation: float
) -> Borders:
    """Return borders in time, the same for all series, by shares of all bars.

    Raises ``InvalidInput`` for shares that leave nothing to test, or no bars at all.
    """
    if not (train > 0 and validation > 0 and train + validation < 1):
        raise InvalidInput(
            "shares", (train, validation), "must be above 0 and below 1 together"
        )
    if not sum(len(one.times) for one in series):
        raise InvalidInput("series", len(series), "must have bars")
    times = np.sort(np.concatenate([one.times for one in series]))
    count = len(times)
    return Borders(
        train=int(times[int(count * train)]),
        validation=int(times[int(count * (train + validation))]),
        test=int(times[-1]) + 1,
    )


def window_starts(
    series: Sequence[Timed], window: WindowConfig, borders: Borders
) -> dict[str, NDArray[np.int64]]:
    """Return the first bars of the windows of each split, (windows,) each.

    Bars count through all series one after the other. A window belongs to the split in
    which all the bars lie that it forecasts.
    """
    firsts, lasts, numbers, offset = [], [], [], 0
    whole = window.seq_len + window.pred_len
    for one in series:
        starts = np.arange(max(len(one.times) - whole + 1, 0))
        firsts.append(one.times[starts + window.seq_len])
        lasts.append(one.times[starts + whole - 1])
        numbers.append(starts + offset)
        offset += len(one.times)
    first, last, number = map(np.concatenate, (firsts, lasts, numbers))
    edges = (np.iinfo(np.int64).min, borders.train, borders.validation, borders.test)
    return {
        name: number[(first >= edges[at]) & (last < edges[at + 1])]
        for at, name in enumerate(SPLITS)
    }
