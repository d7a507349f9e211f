"""Where the scale starts and what the settings allow."""

import pytest
import torch
from torch import nn

from core.errors import InvalidInput
from training.engine.scaler import DynamicGradScalerConfig, parameter_count


@pytest.mark.parametrize(
    ("parameters", "scale"),
    [
        (1, 65536),
        (999_999, 65536),
        (1_000_000, 16384),
        (10_000_000, 16384),
        (10_000_001, 4096),
        (11_308_545, 4096),
    ],
)
def test_the_initial_scale_follows_the_number_of_parameters(parameters, scale):
    assert DynamicGradScalerConfig().calculate_init_scale(parameters) == scale


def test_a_number_in_the_settings_is_taken_for_every_size():
    config = DynamicGradScalerConfig(init_scale_strategy=1024.0)
    assert config.calculate_init_scale(5) == 1024
    assert config.calculate_init_scale(20_000_000) == 1024


def test_the_scaler_runs_on_the_named_device_with_the_settings():
    config = DynamicGradScalerConfig(growth_factor=1.5, growth_interval=7)
    scaler = config.create_scaler(nn.Linear(3, 1), "cpu")
    assert scaler.is_enabled()
    assert scaler.scale(torch.ones(())).item() == 65536
    assert (scaler.get_growth_factor(), scaler.get_growth_interval()) == (1.5, 7)


def test_frozen_weights_do_not_count():
    model = nn.Linear(3, 1)
    model.bias.requires_grad_(False)
    assert parameter_count(model) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("growth_factor", 1.0),
        ("growth_factor", float("inf")),
        ("growth_interval", 0),
        ("max_scale", 0.0),
        ("reset_threshold_epochs", 0),
        ("max_consecutive_overflow", 0),
        ("init_scale_strategy", 0.0),
        ("init_scale_strategy", float("nan")),
    ],
)
def test_a_bad_setting_is_refused_by_name(name, value):
    with pytest.raises(InvalidInput) as caught:
        DynamicGradScalerConfig(**{name: value})
    assert caught.value.field == name
