"""What is measured, in a process of its own: seconds of CPU time."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.training.reference import PlainInformer
from training.engine.build import build_model
from training.engine.config import ModelConfig, TrainConfig, WindowConfig
from training.engine.data import SeriesData, Splits, make_splits
from training.engine.grad_scaling import GradScaling
from training.engine.loop import _Run, train
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.validation import BadData, check_series
from training.engine.windows import borders_by_share

HOUR_MS = 3_600_000
WINDOW = WindowConfig(96, 48, 24)
DROPOUT, HEADS = 0.05, 8


def main(what: str, **given: Any) -> dict[str, float]:
    """Measure ``what``; every figure in seconds unless it counts."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return MEASURES[what](**given)


def series(bars: int, features: int = 1) -> SeriesData:
    """A random walk and noise beside it."""
    random = np.random.default_rng(0)
    values = random.standard_normal((bars, features))
    values[:, 0] = np.cumsum(values[:, 0]) * 0.1
    return SeriesData(
        "bench",
        values,
        HOUR_MS * np.arange(bars, dtype=np.int64),
        tuple(f"column{at}" for at in range(features)),
    )


def _splits(bars: int) -> Splits:
    one = series(bars)
    borders = borders_by_share([one], train=0.6, validation=0.2)
    return make_splits([one], WINDOW, borders)


def _model(splits: Splits, width: int) -> nn.Module:
    config = ModelConfig(
        variant="plain",
        d_model=width,
        d_ff=4 * width,
        n_heads=HEADS,
        dropout=DROPOUT,
    )
    return build_model(config, splits.shape)


def _plain(width: int) -> PlainInformer:
    return PlainInformer(
        {
            "d_model": width,
            "d_ff": 4 * width,
            "heads": HEADS,
            "features": 1,
            "dropout": DROPOUT,
            "label": WINDOW.label_len,
            "pred": WINDOW.pred_len,
        }
    )


def _ours(splits: Splits, width: int) -> Iterator[Callable[[], None]]:
    model = _model(splits, width)
    config = TrainConfig(schedule="constant", patience=0)
    run = _Run(model, splits, config, DynamicGradScalerConfig())
    run.begin(None)
    model.train()
    indices = torch.arange(32)
    while True:
        yield lambda: run._step(indices)


def _theirs(splits: Splits, width: int) -> Iterator[Callable[[], None]]:
    model = _plain(width)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=1e-3, foreach=False, fused=False
    )
    batch = splits.train.batch(torch.arange(32))
    losses: list[float] = []

    def step() -> None:
        optimizer.zero_grad()
        found = model(batch.x, batch.x_marks, batch.y_marks)
        loss = nn.functional.mse_loss(found, batch.y)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()

    while True:
        yield step


def step(width: int, rounds: int) -> dict[str, float]:
    """CPU time of a training step, ours and the plain one in turn; medians."""
    splits = _splits(1_000)
    makers = {"ours": _ours(splits, width), "plain": _theirs(splits, width)}
    times: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(rounds + 1):
        for name, maker in makers.items():
            call = next(maker)
            before = time.process_time()
            call()
            if number:
                times[name].append(time.process_time() - before)
    ratios = np.array(times["plain"]) / np.array(times["ours"])
    return {
        "ratio": float(np.median(ratios)),
        "ours": float(np.median(times["ours"])),
        "plain": float(np.median(times["plain"])),
    }


def epoch(width: int, bars: int) -> dict[str, float]:
    """CPU time of an epoch with validation and test, ours and the plain way."""
    splits = _splits(bars)
    model = _model(splits, width)
    before = time.process_time()
    list(train(model, splits, TrainConfig(epochs=1, patience=0, schedule="constant")))
    with torch.inference_mode():
        _go_through(model.eval(), splits, 256)
    ours = time.process_time() - before
    before = time.process_time()
    _plain_epoch(splits, width)
    return {"ours": ours, "plain": time.process_time() - before}


def _go_through(model: nn.Module, splits: Splits, size: int) -> None:
    for indices in splits.test.all_batches(size):
        batch = splits.test.batch(indices)
        model(batch.x, batch.x_marks, batch.y_marks)


def _plain_epoch(splits: Splits, width: int) -> None:
    """Windows through a DataLoader, evaluation with gradients and small batches."""
    model = _plain(width)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=False)
    for at, data in enumerate((splits.train, splits.validation, splits.test)):
        model.train(at == 0)
        items = [data.batch(torch.tensor([number])) for number in range(len(data))]
        rows: Any = [
            (one.x[0], one.y[0], one.x_marks[0], one.y_marks[0]) for one in items
        ]
        loader: Any = torch.utils.data.DataLoader(rows, batch_size=32, shuffle=at == 0)
        for x, y, x_marks, y_marks in loader:
            found = model(x, x_marks, y_marks)
            loss = nn.functional.mse_loss(found, y)
            loss.item()
            if at == 0:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


class _Syncs(TorchDispatchMode):
    """Counts reads of the device by the host."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += "_local_scalar_dense" in str(func)
        return func(*args, **(kwargs or {}))


def monitor(width: int, rounds: int) -> dict[str, float]:
    """The scale's story: its own calls beside a step, and what it reads and stores."""
    splits = _splits(1_000)
    found = step(width, rounds)
    model = _model(splits, width)
    config = TrainConfig(precision="fp16", amp_on_cpu=True, patience=0)
    run = _Run(model, splits, config, DynamicGradScalerConfig())
    run.begin(None)
    scaling = run.scaling
    assert isinstance(scaling, GradScaling)
    scaling.begin_epoch(0, 4_000)
    run._step(torch.arange(32))
    with _Syncs() as syncs:
        for _ in range(3):
            run._step(torch.arange(32))
    output, norm = torch.randn(32, 24, 1), torch.ones(())
    own = _own_calls(scaling, output, norm)
    return {
        "step": found["ours"],
        "own": own,
        "syncs": syncs.count / 3,
        "bytes": float(len(str([[0, 266, 65536.0]]))),
    }


def _own_calls(scaling: GradScaling, output: Tensor, norm: Tensor) -> float:
    """Seconds of CPU for the rules and the record of one batch."""
    after = scaling._scale.clone()
    times = []
    for _ in range(7):
        before = time.process_time()
        with torch.no_grad():
            for _ in range(300):
                scaling._at.zero_()
                scaling._record(scaling._obey(after), norm, output)
        times.append((time.process_time() - before) / 300)
    return min(times)


def loop(width: int, rounds: int) -> dict[str, float]:
    """The loop's own calls per step (rate, sums, flag) beside a step with them."""
    splits = _splits(1_000)
    found = step(width, rounds)
    config = TrainConfig(schedule="cosine", patience=0)
    run = _Run(_model(splits, width), splits, config, DynamicGradScalerConfig())
    run.begin(None)
    loss = torch.ones(())
    times = []
    for _ in range(7):
        before = time.process_time()
        for _ in range(300):
            run.rate.follow(run.scaling.steps_taken)
            run._note(loss, 32, loss)
        times.append((time.process_time() - before) / 300)
    return {"step": found["ours"], "own": min(times)}


def validation(rows: int, columns: int) -> dict[str, float]:
    """Seconds to check a good series, and to find one fault of each kind in it.

    ``worst`` is the slowest find in passes of ``isfinite`` over the series.
    """
    values = np.random.default_rng(0).random((rows, columns))
    values[:, 1], values[:, 2] = 2.0, -1.0
    times = HOUR_MS * np.arange(rows, dtype=np.int64)
    names = ["open", "high", "low", "close", *(f"c{at}" for at in range(4, columns))]

    def check(row: int | None) -> Callable[[], None]:
        def found() -> None:
            try:
                check_series("bench", values, times, names, step_ms=HOUR_MS)
            except BadData as error:
                if row is None or error.rows[0].row != row:
                    raise
            else:
                if row is not None:
                    raise ValueError(f"row {row} was not found")

        return found

    good, looks, finds = _quickest(check(None)), [], []
    for row, change in _faults(values, times):
        change()
        looks.append(_quickest(lambda: bool(np.isfinite(values).all())))
        finds.append(_quickest(check(row)))
        values[row] = values[row - 1]
        times[:] = HOUR_MS * np.arange(rows, dtype=np.int64)
    worst = max(find / min(looks) for find in finds)
    return {"good": good, "bad": max(finds), "worst": worst}


def _faults(
    values: NDArray[np.float64], times: NDArray[np.int64]
) -> Iterator[tuple[int, Callable[[], None]]]:
    """A row and what puts a fault into it: NaN, infinite, price, repeated, gap."""
    last, (rows, columns) = len(values) - 7, values.shape
    yield last, partial(values.__setitem__, (last, columns - 1), np.nan)
    yield rows // 2, partial(values.__setitem__, (rows // 2, 9), np.inf)
    yield rows // 3, partial(values.__setitem__, (rows // 3, 1), -0.5)
    yield last, partial(times.__setitem__, last, times[last - 1])
    yield last, partial(times.__setitem__, slice(last, None), times[last:] + HOUR_MS)


def _quickest(call: Callable[[], object]) -> float:
    """Seconds of CPU of the quickest of five calls."""
    seconds = []
    for _ in range(5):
        before = time.process_time()
        call()
        seconds.append(time.process_time() - before)
    return min(seconds)


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "step": step,
    "epoch": epoch,
    "monitor": monitor,
    "loop": loop,
    "validation": validation,
}
