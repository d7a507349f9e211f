"""Walking forward over real hours, in the small form."""

import csv
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from core.errors import InvalidInput
from training import walk
from training.engine.config import ModelConfig, TrainConfig, WindowConfig
from training.study_spec import StudySpec

FILE = (
    Path(__file__)
    .resolve()
    .parents[3]
    .joinpath("shared", "data", "training", "Coinbase_BTCUSD_1h.csv")
)


real_hours = pytest.mark.skipif(not FILE.exists(), reason="no shared data here")
HOUR = 3_600_000


@pytest.fixture(scope="module")
def momentum(tmp_path_factory):
    """Hours in which half of a change comes again in the next one."""
    random = np.random.default_rng(4)
    change = 0.006 * random.standard_normal(3600)
    for at in range(1, len(change)):
        change[at] += 0.5 * change[at - 1]
    close = 100 * np.exp(np.cumsum(change - change.mean()))
    open_ = np.concatenate(([100.0], close[:-1]))
    path = tmp_path_factory.mktemp("candles") / "momentum.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "open", "high", "low", "close", "volume"])
        for at, (first, last) in enumerate(zip(open_, close, strict=True)):
            ends = max(first, last), min(first, last)
            writer.writerow([1_700_006_400_000 + at * HOUR, first, *ends, last, 10])
    return path


def walked(path, **changed):
    plan = walk.WalkPlan(inside_days=60, outside_days=20, fee=0.0, **changed)
    return list(walk.walk(spec(source=str(path)), plan, venue="simulator"))


def test_what_can_be_learned_is_learned_and_pays_even_its_fees(momentum):
    (free,) = walked(momentum, seeds=1)
    years = free.reports["model"].bars / 8760
    assert free.windows == 4
    assert free.errors["directional_accuracy"] > 0.6
    assert free.reports["model"].ir > 4 * years**-0.5
    plan = walk.WalkPlan(inside_days=60, outside_days=20, seeds=1)
    (dear,) = walk.walk(spec(source=str(momentum)), plan, venue="simulator")
    assert 1 < dear.reports["model"].final_value < free.reports["model"].final_value
    assert dear.reports["model"].turnover < free.reports["model"].turnover


def test_the_same_hours_with_mixed_targets_teach_nothing(momentum):
    """Without fees, which would hide behind losses what a look ahead earns."""
    found = walked(momentum, seeds=3, shuffled=True)
    years = found[0].reports["model"].bars / 8760
    for one in found:
        assert one.reports["model"].turnover > 10
        assert abs(one.errors["directional_accuracy"] - 0.5) < 0.04
    growth = [math.log(one.reports["model"].final_value) for one in found]
    deviation = statistics.mean(one.reports["model"].asd for one in found)
    mean = statistics.mean(growth) / years / deviation
    assert abs(mean) < 2 * years**-0.5


def spec(kind="ridge", source=str(FILE)):
    return StudySpec(
        source=source,
        window=WindowConfig(12, 6, 1),
        model=ModelConfig(kind=kind, d_model=8, n_heads=2, d_ff=16),
        train=TrainConfig(epochs=1, patience=0),
    )


@real_hours
def test_every_bar_after_the_first_window_is_judged_once_beside_the_baselines():
    plan = walk.WalkPlan(inside_days=300, outside_days=120, seeds=1)
    (found,) = walk.walk(spec(), plan, venue="simulator")
    assert found.windows == 4
    assert found.reports.keys() == set(walk.STRATEGIES)
    assert found.reports["flat"].final_value == 1
    # Held over all windows: bought and sold once.
    assert found.reports["buy_and_hold"].turnover == 2
    assert (
        found.reports["model"].bars
        == found.reports["buy_and_hold"].bars
        == 4 * 120 * 24
    )
    # Following the last hour's sign pays a round trip nearly every other hour.
    assert found.reports["sign"].final_value < 0.01


@real_hours
def test_the_command_prints_the_table(capsys):
    call_command(
        "walk_forward",
        f"--file={FILE}",
        "--model=ridge",
        "--inside-days=400",
        "--outside-days=200",
        "--seeds=1",
    )
    out = capsys.readouterr().out
    assert "2 windows of 200 days" in out
    for name in ("model, seed 0", "buy_and_hold", "flat", "sign", "persistence"):
        assert f"| {name} |" in out


@real_hours
def test_a_time_that_is_too_short_is_refused():
    with pytest.raises(CommandError, match=r"hold no 3000 \+ 100 days"):
        call_command(
            "walk_forward", f"--file={FILE}", "--inside-days=3000", "--outside-days=100"
        )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"inside_days": float("nan")}, "inside_days"),
        ({"outside_days": 0}, "outside_days"),
        ({"seeds": 0}, "seeds"),
        ({"fee": 1.0}, "fee"),
        ({"fee": float("nan")}, "fee"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(given, field):
    with pytest.raises(InvalidInput) as refused:
        walk.WalkPlan(**given)
    assert refused.value.field == field
