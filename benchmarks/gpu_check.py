"""``python -m benchmarks.gpu_check``: the engine on a CUDA device, with torch alone.

Needs torch, NumPy and this folder, no Django. Whole epochs run with every hidden
synchronisation an error; a run whose steps are replayed must lead where one does that
launches every kernel; then step times per precision, and what the story of the scale
adds to a step. Exit status 0: all holds, 1: something does not, 2: no CUDA.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from training.engine.build import build_model
from training.engine.config import ModelConfig, Precision, TrainConfig, WindowConfig
from training.engine.data import SeriesData, Splits, make_splits
from training.engine.grad_scaling import GradScaling
from training.engine.loop import _Run, train
from training.engine.replay import Replay
from training.engine.results import EpochResult
from training.engine.scale_report import expand
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.scaling import Scaling
from training.engine.windows import borders_by_share

HOUR_MS = 3_600_000
BARS, BATCH = 4_000, 256
SIZES = ((64, 32), (256, 256), (512, 256))
STEPS, ROUNDS = 40, 7
MOST_OVERHEAD = 0.01
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")


def splits_on(device: str) -> Splits:
    """A random walk and seven columns of noise."""
    random = np.random.default_rng(0)
    values = random.standard_normal((BARS, 8))
    values[:, 0] = np.cumsum(values[:, 0]) * 0.1
    columns = tuple(f"column{at}" for at in range(8))
    times = HOUR_MS * np.arange(BARS, dtype=np.int64)
    one = SeriesData("check", values, times, columns)
    borders = borders_by_share([one], train=0.7, validation=0.15)
    return make_splits([one], WindowConfig(96, 48, 24), borders, device=device)


def run_of(
    splits: Splits, precision: Precision, device: str, *, width: int, batch: int = BATCH
) -> _Run:
    """A run that is ready for its first step."""
    torch.manual_seed(0)
    heads = 4 if width < 128 else 8
    model = build_model(
        ModelConfig(d_model=width, n_heads=heads, d_ff=4 * width), splits.shape
    )
    config = TrainConfig(
        precision=precision,
        device=device,
        batch_size=batch,
        patience=0,
        amp_on_cpu=device == "cpu",
    )
    run = _Run(model.to(device), splits, config, DynamicGradScalerConfig())
    run.begin(None)
    run.model.train()
    run.scaling.begin_epoch(0, 10_000)
    return run


def epochs_of(
    splits: Splits, precision: Precision, device: str, **model: object
) -> list[EpochResult]:
    """Train two epochs; raises ``AssertionError`` for weights that are no numbers."""
    torch.manual_seed(0)
    built = build_model(ModelConfig(dropout=0.0, **model), splits.shape).to(device)  # type: ignore[arg-type]
    config = TrainConfig(
        precision=precision, device=device, epochs=2, batch_size=BATCH, patience=0
    )
    found = list(train(built, splits, config))
    assert all(torch.isfinite(one).all() for one in built.parameters())
    return found


@contextmanager
def launched_one_by_one() -> Iterator[None]:
    """Runs that begin in this block record no step."""
    before = Replay.__call__
    Replay.__call__ = lambda self, indices: self._step(indices)  # type: ignore[method-assign]
    try:
        yield
    finally:
        Replay.__call__ = before  # type: ignore[method-assign]


def replayed_is_launched(splits: Splits, device: str) -> list[str]:
    """Return where a replayed run and a launched one part."""
    problems = []
    for precision in PRECISIONS:
        for attention in ("full", "probsparse"):
            ours = epochs_of(splits, precision, device, attention=attention)
            with launched_one_by_one():
                theirs = epochs_of(splits, precision, device, attention=attention)
            for one, other in zip(ours, theirs, strict=True):
                near = abs(one.train_loss / other.train_loss - 1)
                # ProbSparse draws its keys: another stream of numbers.
                allowed = 0.02 if attention == "full" else 0.1
                if not near < allowed:
                    problems.append(
                        f"{precision} {attention}: loss {one.train_loss:.6f} replayed, "
                        f"{other.train_loss:.6f} launched"
                    )
                if (one.scale is None) != (precision != "fp16"):
                    problems.append(f"{precision} {attention}: a story of the scale?")
                if one.scale and len(expand(one.scale.runs)) != one.batches:
                    problems.append(f"not every scale of {one.batches} batches")
                if one.scale and one.scale.runs != other.scale.runs:  # type: ignore[union-attr]
                    problems.append(
                        f"scales {one.scale.runs} replayed, {other.scale.runs} launched"  # type: ignore[union-attr]
                    )
    return problems


def steps_without_sync(splits: Splits, precision: Precision, device: str) -> str:
    """Take steps with synchronisations as errors; return the error's first line."""
    run = run_of(splits, precision, device, width=64)
    indices = torch.arange(BATCH, device=device)
    run._step(indices)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(10):
            run._step(indices)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return ""


def milliseconds(call: Callable[[], None]) -> float:
    """Mean time of a call, the device included."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(STEPS):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / STEPS * 1000


def step_times(splits: Splits, device: str, width: int, batch: int) -> dict[str, float]:
    """Median time of a step per precision and way, ms, in turns."""
    runs: dict[str, Callable[[], None]] = {}
    for name in PRECISIONS:
        runs[name] = _call(run_of(splits, name, device, width=width, batch=batch))
        one = run_of(splits, name, device, width=width, batch=batch)
        runs[f"{name} launched"] = _call(one, replayed=False)
    return in_turns(runs)


def in_turns(calls: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median time of every call, ms; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS + 1):
        for name, call in calls.items():
            found[name].append(milliseconds(call))
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def _call(run: _Run, *, replayed: bool = True) -> Callable[[], None]:
    """Return a step of whole batches."""
    indices = torch.arange(run.config.batch_size, device=run.device)
    step = run._whole_step if replayed else run._step
    return lambda: step(indices)


def overhead(splits: Splits, device: str, width: int, batch: int) -> dict[str, float]:
    """Times of an fp16 step with and without the rules and the record, in turns, ms."""
    calls = {}
    for way in (True, False):
        for name in ("with", "without"):
            run = run_of(splits, "fp16", device, width=width, batch=batch)
            if name == "without":
                _silence(run.scaling)
            label = f"{'replayed' if way else 'launched'} {name}"
            calls[label] = _call(run, replayed=way)
    return in_turns(calls)


def _silence(scaling: Scaling) -> None:
    """Leave what ``GradScaler`` alone does of a step."""
    assert isinstance(scaling, GradScaling)
    scaling.keep = lambda **_: None  # type: ignore[method-assign]
    scaling.settle = lambda: None  # type: ignore[method-assign]


def main() -> int:
    """Run everything and print it."""
    if not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: nothing was checked\n")
        return 2
    device = "cuda"
    splits = splits_on(device)
    say = sys.stdout.write
    say(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}\n")
    problems = replayed_is_launched(splits, device)
    say(
        f"replayed against launched, 3 precisions, 2 attentions: {len(problems)} differ\n"
    )
    for precision in PRECISIONS:
        error = steps_without_sync(splits, precision, device)
        say(f"{precision}: {error or 'no synchronisation in 10 steps'}\n")
        problems += [f"{precision}: {error}"] if error else []
    for width, batch in SIZES:
        times = step_times(splits, device, width, batch)
        for name, time_ms in times.items():
            say(f"d_model {width}, batch {batch}: {name} {time_ms:.3f} ms\n")
        story = overhead(splits, device, width, batch)
        for way in ("replayed", "launched"):
            share = story[f"{way} with"] / story[f"{way} without"] - 1
            say(
                f"d_model {width}, batch {batch}: story of the scale {share:+.2%} of "
                f"a step that is {way} ({story[f'{way} without']:.3f} ms without)\n"
            )
            if way == "replayed" and share > MOST_OVERHEAD:
                problems.append(f"the story of the scale costs {share:.2%} at {width}")
    for problem in problems:
        sys.stderr.write(f"NOT HELD: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
