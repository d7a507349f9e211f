"""Real fp16 on real candles."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from training import half_precision
from training.engine.config import LossConfig
from training.engine.scaler import DynamicGradScalerConfig

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "training"
FILES = ("Coinbase_BTCUSD_1h.csv", "BTC_USD-Hourly_bitstamp.csv")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("loss", ["mse", "gmadl_normalised"])
def test_real_hours_train_in_half_precision_without_a_nan(name, loss):
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared data is not here")
    story = half_precision.run(
        path,
        steps=130,
        loss=LossConfig(loss),
        scaler=DynamicGradScalerConfig(growth_interval=4, growth_factor=16.0),
        bars=800,
    )
    assert story.steps > 100
    assert story.nonfinite == 0
    assert story.kinds["overflow"] > 0
    assert story.kinds["growth"] > 0
    assert story.skipped == story.kinds["overflow"]
    assert story.least >= 1
    assert all(loss == loss for loss in story.losses)


def test_the_command_refuses_what_is_no_candle_file(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("nothing\n")
    with pytest.raises(CommandError, match="source"):
        call_command("check_half_precision", str(path))
