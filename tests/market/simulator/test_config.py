import pytest
from pydantic import ValidationError

from market.simulator.config import SimulatorSettings


def test_defaults_are_a_whole_market_at_real_speed():
    settings = SimulatorSettings()
    assert (settings.symbols, settings.speed, settings.weight_limit) == (140, 1.0, 2400)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speed", 0.5),
        ("speed", 601),
        ("symbols", 0),
        ("symbols", 141),
        ("port", 65_536),
        ("weight_limit", 0),
        ("generation", 2024),
        ("seed", -1),
        ("unknown", 1),
    ],
)
def test_values_out_of_bounds_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        SimulatorSettings(**{field: value})


def test_two_listeners_need_two_ports():
    with pytest.raises(ValidationError, match="both 9000"):
        SimulatorSettings(port=9000, plain_port=9000)


def test_a_pong_has_longer_than_a_ping_takes():
    with pytest.raises(ValidationError, match="pong_timeout_seconds"):
        SimulatorSettings(ping_interval_seconds=10, pong_timeout_seconds=5)
