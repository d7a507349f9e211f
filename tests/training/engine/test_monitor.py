"""The published monitor, as scripts use it."""

import pytest
import torch

from training.engine.monitor import GradScalerMonitor, ScaleRecord


@pytest.fixture
def scaler():
    made = torch.amp.GradScaler("cpu", init_scale=65536.0)
    made.scale(torch.ones(()))
    return made


def test_the_published_example_runs_as_written(scaler):
    epoch, has_overflow = 0, True
    monitor = GradScalerMonitor(scaler, init_scale=65536.0)
    resets = 0
    for batch in range(12):
        monitor.record_scale(epoch, batch)
        if monitor.check_overflow(has_overflow, epoch, batch):
            monitor.reset_scale()
            resets += 1
    stats = monitor.get_statistics()
    assert resets == 2
    assert stats["resets"] == 2
    assert stats["overflows"] == 12
    assert stats["overflow_rate"] == 1.0
    assert stats["current_scale"] == 32768
    assert stats["history"][0] == {
        "epoch": 0,
        "batch": 0,
        "scale": 65536.0,
        "overflow": True,
    }


def test_a_scaler_that_has_scaled_nothing_yet_is_reset_too():
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    monitor = GradScalerMonitor(scaler, init_scale=65536.0)
    assert monitor.halve_scale() == scaler.get_scale() == 32768
    fresh = torch.amp.GradScaler("cpu", init_scale=100.0)
    assert GradScalerMonitor(fresh).reset_scale() == fresh.get_scale() == 100
    off = torch.amp.GradScaler("cpu", enabled=False)
    assert GradScalerMonitor(off).reset_scale() == off.get_scale() == 1


def test_a_reset_never_raises_the_scale(scaler):
    monitor = GradScalerMonitor(scaler)
    scaler.update(100.0)
    assert monitor.reset_scale() == 100
    assert scaler.get_scale() == 100


def test_epoch_ends_above_the_maximum_reset_at_the_third(scaler):
    scaler.update(200_000.0)
    monitor = GradScalerMonitor(scaler)
    assert [monitor.end_epoch() for _ in range(3)] == [False, False, True]
    assert scaler.get_scale() == 32768


def test_without_a_batch_the_statistics_are_empty_not_wrong(scaler):
    stats = GradScalerMonitor(scaler).get_statistics()
    assert (stats["batches"], stats["overflow_rate"]) == (0, 0.0)
    assert (stats["min_scale"], stats["mean_scale"]) == (None, None)


def test_a_record_knows_its_batch(scaler):
    monitor = GradScalerMonitor(scaler)
    assert monitor.record_scale(2, 7) == ScaleRecord(2, 7, 65536.0)
