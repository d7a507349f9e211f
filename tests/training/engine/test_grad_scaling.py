"""What the scale does under injected overflows, on the real GradScaler."""

import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.training.engine.injecting import Injected
from tests.training.engine.syncs import count_syncs
from training.engine.monitor import GradScalerMonitor
from training.engine.scale_policy import FLOOR, ScalePolicy, halved
from training.engine.scale_report import expand
from training.engine.scaler import DynamicGradScalerConfig


def kinds(summary):
    return [event.kind for event in summary.events]


def test_five_overflows_from_65536_end_at_1024():
    run = Injected()
    summary = run.epoch([True] * 5)
    assert expand(summary.runs) == [32768, 16384, 8192, 4096, 1024]
    assert kinds(summary) == ["overflow"] * 5 + ["halving"]
    halving = summary.events[-1]
    assert (halving.batch, halving.before, halving.after) == (4, 4096, 1024)
    assert "five" not in halving.advice
    assert "5 overflows in a row" in halving.advice
    assert "from 2048 to 1024" in halving.advice


def test_a_first_scale_that_fp32_rounds_is_neither_growth_nor_fall():
    run = Injected(init_scale=1000.7)
    assert run.epoch([False] * 2).events == ()
    run.scaling.reporter.policy.max_scale = 10.0
    summaries = [run.epoch([False]) for _ in range(4)]
    assert [kinds(one).count("growth") for one in summaries] == [0] * 4


def test_the_streak_begins_anew_after_the_extra_halving():
    run = Injected()
    run.epoch([True] * 9)
    assert run.scaling.reporter.scale == 64
    assert kinds(run.epoch([True])) == ["overflow", "halving"]
    assert run.scaling.reporter.scale == 16


def test_a_clean_batch_ends_the_streak():
    run = Injected()
    assert kinds(run.epoch([True] * 4 + [False] + [True] * 4)).count("halving") == 0


def test_a_streak_goes_on_over_the_end_of_an_epoch():
    run = Injected()
    run.epoch([True] * 3)
    assert "halving" in kinds(run.epoch([True] * 2))


@pytest.mark.parametrize("init", [65536.0, 16384.0, 4096.0])
def test_three_epoch_ends_above_the_maximum_reset_to_half_the_initial_scale(init):
    run = Injected(init_scale=init)
    run.scaling.reporter.policy.max_scale = init / 2
    summaries = [run.epoch([False] * 2) for _ in range(3)]
    assert [summary.resets for summary in summaries] == [0, 0, 1]
    assert kinds(summaries[2]) == ["above_max", "reset"]
    reset = summaries[2].events[-1]
    assert (reset.before, reset.after) == (init, init / 2)
    assert run.epoch([False]).first == init / 2


def test_a_scale_that_grew_past_the_maximum_is_reset_from_where_it_is():
    config = DynamicGradScalerConfig(growth_interval=1, growth_factor=2.0)
    run = Injected(config)
    first = run.epoch([False])
    assert (first.last, kinds(first)) == (131072, ["growth", "above_max"])
    run.epoch([False])
    third = run.epoch([False])
    assert third.last == 65536 * 8
    assert run.epoch([True]).first == 16384


def test_each_epoch_above_the_maximum_is_warned_of_once(caplog):
    run = Injected(DynamicGradScalerConfig(max_scale=100.0, auto_reset=False))
    with caplog.at_level(logging.WARNING, logger="training"):
        for _ in range(4):
            run.epoch([False] * 3)
    warned = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == 4
    assert "above 100" in caplog.text
    assert run.scaling.reporter.scale == 65536


def test_the_epoch_of_a_reset_is_warned_of_once(caplog):
    run = Injected(DynamicGradScalerConfig(max_scale=100.0))
    with caplog.at_level(logging.WARNING, logger="training"):
        for _ in range(3):
            run.epoch([False])
    warned = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == 3
    assert "reset from 65536 to 32768" in caplog.text


def test_a_thousand_overflows_never_write_nan_into_the_weights():
    run = Injected()
    summary = run.epoch([True] * 1000 + [False])
    assert summary.minimum == FLOOR
    assert run.finite
    assert run.scaling.steps_taken == 1


def test_without_our_floor_the_plain_scaler_does_write_nan():
    """The reason for the floor: if torch mends it this test says so."""
    run = Injected()
    scaler = run.config.create_scaler(run.model, "cpu")
    for overflow in [True] * 170 + [False]:
        run.optimizer.zero_grad(set_to_none=True)
        loss = run.model(torch.ones(2, 4)).square().mean()
        scaler.scale(loss * float("inf") if overflow else loss).backward()
        scaler.step(run.optimizer)
        scaler.update()
    assert not run.finite


def test_overflows_at_the_floor_are_known_without_waiting_and_told():
    run = Injected(init_scale=1.0)
    assert not run.scaling.stopped()
    summary = run.epoch([True] * 5)
    assert run.scaling.stopped()
    assert kinds(summary)[-1] == "floor"
    assert kinds(run.epoch([True] * 3)).count("floor") == 0
    assert "smallest scale" in summary.events[-1].advice


def test_a_skipped_step_moves_neither_weights_nor_the_count_of_steps():
    run = Injected()
    before = [one.detach().clone() for one in run.model.parameters()]
    run.epoch([True] * 3)
    assert run.scaling.steps_taken == 0
    for old, new in zip(before, run.model.parameters(), strict=True):
        assert torch.equal(old, new)
    run.epoch([False] * 2)
    assert run.scaling.steps_taken == 2


def test_growth_needs_clean_steps_in_a_row():
    run = Injected(DynamicGradScalerConfig(growth_interval=3))
    summary = run.epoch([False, False, True, False, False, False])
    assert kinds(summary) == ["overflow", "growth"]
    assert summary.last == pytest.approx(65536 / 2 * 1.2)


def test_an_event_carries_norm_and_output_of_its_batch():
    run = Injected()
    (event,) = run.epoch([False, True]).events
    assert event.gradient_norm is None
    assert event.output.nonfinite_share == 0
    assert event.output.minimum == event.output.maximum
    assert "Ordinary at the start" in event.advice


def test_outputs_that_are_no_numbers_are_told_apart():
    run = Injected()
    run.scaling.begin_epoch(0, 1)
    run.optimizer.zero_grad()
    output = run.model(torch.ones(2, 4))
    run.scaling.backward(output.mean() * float("inf"))
    run.scaling.unscale(run.optimizer)
    bad = torch.tensor([1.0, float("nan"), float("inf"), 3.0])
    norm = torch.tensor(1.0)
    run.scaling.keep(gradient_norm=norm, output=bad)
    run.scaling.step(run.optimizer, gradient_norm=norm)
    (event,) = run.scaling.end_epoch().events
    found = event.output
    assert (found.minimum, found.maximum, found.nonfinite_share) == (0, 3, 0.5)
    assert "50.0% of the model's own outputs" in event.advice


def test_more_overflows_than_are_listed_are_counted_and_said():
    summary = Injected().epoch([True, False] * 300)
    overflows = [event for event in summary.events if event.kind == "overflow"]
    assert summary.overflows == 300
    assert len(overflows) == 200
    assert "100 more overflows" in overflows[-1].advice


sequences = st.lists(st.booleans(), max_size=60)


def expected(overflows, config):
    """The rules in plain Python."""
    policy = ScalePolicy(65536.0, overflow_limit=config.max_consecutive_overflow)
    scale, clean, trace = 65536.0, 0, []
    for overflow in overflows:
        before = scale
        clean = 0 if overflow else clean + 1
        if overflow:
            scale *= 0.5
        elif clean == config.growth_interval:
            scale = float(torch.tensor(scale) * torch.tensor(config.growth_factor))
            clean = 0
        if policy.observe(overflow=overflow, scale_before=before):
            scale = halved(scale)
        scale = max(scale, FLOOR)
        trace.append(scale)
    return trace


@settings(max_examples=40, deadline=None)
@given(sequences, st.integers(1, 5), st.integers(1, 5))
def test_any_sequence_follows_the_rules(overflows, interval, limit):
    config = DynamicGradScalerConfig(
        growth_interval=interval, growth_factor=2.0, max_consecutive_overflow=limit
    )
    run = Injected(config)
    summary = run.epoch(overflows)
    assert expand(summary.runs) == expected(overflows, config)
    assert run.finite
    assert summary.overflows == sum(overflows)


@settings(max_examples=25, deadline=None)
@given(sequences)
def test_the_published_monitor_and_the_loop_tell_the_same_story(overflows):
    run = Injected()
    trace = expand(run.epoch(overflows).runs)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scaler = DynamicGradScalerConfig().create_scaler(model, "cpu")
    scaler.scale(torch.ones(()))
    monitor = GradScalerMonitor(scaler, init_scale=65536.0)
    found = []
    for batch, overflow in enumerate(overflows):
        optimizer.zero_grad()
        loss = model(torch.ones(2, 4)).square().mean()
        scaler.scale(loss * float("inf") if overflow else loss).backward()
        scaler.step(optimizer)
        scaler.update()
        monitor.record_scale(0, batch)
        if monitor.check_overflow(overflow, 0, batch):
            monitor.halve_scale()
        if scaler.get_scale() < FLOOR:
            scaler.update(FLOOR)
        found.append(scaler.get_scale())
    assert found == trace
    assert monitor.get_statistics()["overflows"] == sum(overflows)


@settings(max_examples=15, deadline=None)
@given(sequences, sequences)
def test_a_saved_state_goes_on_bit_for_bit(first, second):
    whole, half = Injected(), Injected()
    whole.epoch(first)
    half.epoch(first)
    other = Injected()
    other.model.load_state_dict(half.model.state_dict())
    other.optimizer.load_state_dict(half.optimizer.state_dict())
    other.scaling.load_state_dict(half.scaling.state_dict())
    other.epochs = half.epochs
    assert other.epoch(second) == whole.epoch(second)
    for one, two in zip(
        whole.model.parameters(), other.model.parameters(), strict=True
    ):
        assert torch.equal(one, two)


def test_no_step_copies_anything_to_the_host():
    run = Injected()
    run.scaling.begin_epoch(0, 20)
    run.step(overflow=False)
    with count_syncs() as syncs:
        for at in range(10):
            run.step(overflow=at % 3 == 0)
    assert syncs.count == 0


def test_an_unfused_optimizer_would_be_noticed():
    run = Injected()
    run.optimizer = torch.optim.Adam(run.model.parameters(), lr=1e-3, foreach=False)
    run.scaling.begin_epoch(0, 2)
    run.step(overflow=False)
    with count_syncs() as syncs:
        run.step(overflow=False)
    assert syncs.count > 0


def test_the_mark_above_the_maximum_tells_the_batch_that_passed_it():
    config = DynamicGradScalerConfig(growth_interval=1, growth_factor=2.0)
    run = Injected(config)
    (growth, above) = run.epoch([False]).events[:2]
    assert (growth.kind, above.kind) == ("growth", "above_max")
    assert (above.batch, above.before, above.after) == (0, 65536, 131072)
    second = run.epoch([False, False]).events[-1]
    assert (second.batch, second.before, second.after) == (1, 131072, 262144)
    assert "524288" in second.advice
