import pytest
from pydantic import ValidationError

from market.binance.config import WsSettings


def test_the_defaults_are_the_documented_ones():
    ws = WsSettings()
    assert (ws.reconnect_initial_delay, ws.reconnect_max_delay) == (1.0, 60.0)
    assert (ws.reconnect_backoff_factor, ws.reconnect_max_retries) == (2.0, 10)
    assert (ws.reconnect_jitter, ws.long_delay_after) == (0.1, 0)
    assert (ws.ping_interval, ws.pong_timeout, ws.ssl_timeout) == (30, 10, 30)
    assert (ws.message_timeout, ws.message_warning_timeout) == (1200, 600)
    assert (ws.close_timeout, ws.max_message_bytes) == (2, 10 * 2**20)
    assert (ws.read_limit_bytes, ws.write_limit_bytes) == (65_536, 65_536)
    assert ws.streams_per_connection == 200
    assert ws.long_delay_threshold == 10


def test_the_cloud_profile_changes_only_what_it_says():
    ws = WsSettings(profile="cloud")
    changed = {
        name for name in WsSettings.model_fields
        if getattr(ws, name) != getattr(WsSettings(), name)
    }  # fmt: skip
    assert changed == {
        "profile", "ping_interval", "pong_timeout", "close_timeout",
        "long_delay_after", "reconnect_max_delay",
    }  # fmt: skip
    assert (ws.ping_interval, ws.pong_timeout, ws.close_timeout) == (10, 30, 10)
    assert (ws.long_delay_threshold, ws.reconnect_max_delay) == (5, 300)


def test_what_is_given_wins_over_the_profile():
    assert WsSettings(profile="cloud", ping_interval=7).ping_interval == 7


@pytest.mark.parametrize(
    "name",
    [
        "reconnect_initial_delay", "reconnect_max_delay", "ping_interval",
        "pong_timeout", "ssl_timeout", "message_timeout", "message_warning_timeout",
        "close_timeout", "dial_window",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_every_delay_timeout_and_interval_is_above_zero(name, value):
    with pytest.raises(ValidationError, match=name):
        WsSettings(**{name: value})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reconnect_backoff_factor": 1}, "reconnect_backoff_factor"),
        ({"reconnect_max_retries": 0}, "reconnect_max_retries"),
        ({"reconnect_jitter": 1}, "reconnect_jitter"),
        ({"reconnect_jitter": -0.1}, "reconnect_jitter"),
        ({"reconnect_max_delay": 0.5}, "reconnect_initial_delay"),
        ({"message_warning_timeout": 1200}, "message_warning_timeout"),
        ({"streams_per_connection": 0}, "streams_per_connection"),
        ({"streams_per_connection": 1025}, "streams_per_connection"),
        ({"dials_per_window": 301}, "dials_per_window"),
        ({"transport": "carrier pigeon"}, "transport"),
        ({"verify": False}, "verify"),
    ],
)
def test_a_broken_rule_names_the_setting(changes, named):
    with pytest.raises(ValidationError, match=named):
        WsSettings(**changes)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        WsSettings().ping_interval = 1
