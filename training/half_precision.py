"""A real fp16 run on a candle file, to see what the scale does with one's own data."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from training import datasets
from training.engine.build import build_model
from training.engine.config import LossConfig, ModelConfig, TrainConfig, WindowConfig
from training.engine.data import Splits, make_splits
from training.engine.loop import train
from training.engine.results import EpochResult
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.seeds import seed_everything
from training.engine.windows import borders_by_share
from training.study_spec import StudySpec

BATCH = 32
MODEL = ModelConfig(d_model=8, n_heads=2, d_ff=16, encoder_layers=1, distil=False)


@dataclass
class Story:
    """What happened over all steps; ``nonfinite`` counts weights that are no numbers."""

    steps: int = 0
    skipped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    least: float = float("inf")
    most: float = 0.0
    nonfinite: int = 0
    losses: list[float] = field(default_factory=list)

    def add(self, epoch: EpochResult) -> None:
        """Take an epoch that ran with a scaler."""
        assert epoch.scale is not None
        self.steps += epoch.batches
        self.skipped += epoch.scale.overflows
        self.least = min(self.least, epoch.scale.minimum)
        self.most = max(self.most, epoch.scale.maximum)
        self.losses.append(epoch.train_loss)
        self.kinds.update(event.kind for event in epoch.scale.events)


def run(
    path: Path,
    *,
    steps: int,
    loss: LossConfig,
    scaler: DynamicGradScalerConfig,
    bars: int = 3_000,
) -> Story:
    """Train a tiny Informer on the newest ``bars`` with fp16 autocast on the CPU.

    Raises ``InvalidInput`` for bad files, ``TrainingEnded`` when the run ends early.
    """
    splits = _splits(path, bars)
    config = TrainConfig(
        epochs=max(steps * BATCH // len(splits.train), 1),
        batch_size=BATCH,
        patience=0,
        precision="fp16",
        amp_on_cpu=True,
        loss=loss,
    )
    seed_everything(config.seed)
    model = build_model(MODEL, splits.shape)
    story = Story()
    for epoch in train(model, splits, config, scaler_config=scaler):
        story.add(epoch)
    story.nonfinite = sum(
        int((~one.isfinite()).sum()) for one in model.state_dict().values()
    )
    return story


def _splits(path: Path, bars: int) -> Splits:
    spec = StudySpec(symbols=("BTCUSD",), source=str(path))
    last = datasets.study_data(spec, venue="file").series()[-1]
    series = [replace(last, values=last.values[-bars:], times=last.times[-bars:])]
    borders = borders_by_share(series, train=0.7, validation=0.15)
    return make_splits(series, WindowConfig(24, 12, 1), borders)
