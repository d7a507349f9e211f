import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from quantai_site import config, env_example
from quantai_site.site_settings import BASE_DIR


@pytest.fixture
def var(tmp_path):
    folder = tmp_path / "var"
    (folder / "run").mkdir(parents=True)
    return folder


@pytest.fixture
def load(tmp_path, var):
    """Settings from these variables and the files in a folder of this test."""

    def load(**environ):
        return config.load({"QUANTAI_VAR": str(var), **environ}, folder=tmp_path)

    return load


def row(found, variable):
    return next(item for item in found.rows() if item.variable == variable)


def test_without_anything_every_setting_has_its_default(load):
    found = load()
    assert found.ws.reconnect_max_delay == 60
    assert found.site.exchange == "simulator"
    assert row(found, "WS_PING_INTERVAL").source == "default"
    assert found.warnings == ()


def test_environment_beats_dotenv_beats_toml(load, tmp_path):
    (tmp_path / "quantai.toml").write_text(
        "[ws]\nping_interval = 11\npong_timeout = 12\nclose_timeout = 13\n"
    )
    (tmp_path / ".env").write_text("WS_PING_INTERVAL=21\nWS_PONG_TIMEOUT=22\n")
    found = load(WS_PING_INTERVAL="31")
    assert (found.ws.ping_interval, found.ws.pong_timeout) == (31, 22)
    assert found.ws.close_timeout == 13
    assert row(found, "WS_PING_INTERVAL").source == "environment"
    assert row(found, "WS_PONG_TIMEOUT").source == ".env"
    assert row(found, "WS_CLOSE_TIMEOUT").source == "quantai.toml"


def test_all_bad_values_are_named_at_once_with_value_and_rule(load):
    with pytest.raises(config.ConfigError) as caught:
        load(PORT="abc", EXCHANGE="kraken", WS_PING_INTERVAL="-1")
    text = str(caught.value)
    assert "PORT='abc'" in text
    assert "EXCHANGE='kraken'" in text
    assert "'simulator', 'testnet' or 'binance'" in text
    assert "WS_PING_INTERVAL='-1'" in text
    assert "greater than 0" in text
    assert len(caught.value.problems) == 3


def test_a_rule_over_two_settings_names_both_variables(load):
    with pytest.raises(config.ConfigError) as caught:
        load(WS_RECONNECT_MAX_DELAY="0.5")
    assert "WS_RECONNECT_MAX_DELAY" in str(caught.value)
    assert "WS_RECONNECT_INITIAL_DELAY" in str(caught.value)


def test_a_bad_value_stops_the_start_without_traceback(tmp_path):
    result = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "show_config"],
        env={"PATH": "/usr/bin", "PORT": "abc", "QUANTAI_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "PORT='abc'" in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_keys_warn_and_the_old_file_still_works(load, tmp_path):
    (tmp_path / "quantai.toml").write_text(
        "[ws]\nping_interval = 11\nfrequency = 3\n[moon]\nphase = 1\n"
    )
    (tmp_path / ".env").write_text("WS_COLOUR=red\n")
    found = load(MARKET_MOOD="good")
    assert found.ws.ping_interval == 11
    text = "\n".join(found.warnings)
    for name in ("frequency", "[moon]", "WS_COLOUR", "MARKET_MOOD"):
        assert name in text


def test_older_spellings_are_accepted_in_the_file(load, tmp_path):
    (tmp_path / "quantai.toml").write_text(
        "[ws]\nmax_retries = 7\ninitial_delay = 2.0\nmax_delay = 50.0\n"
        "backoff_factor = 3.0\n"
    )
    found = load()
    assert found.warnings == ()
    assert found.ws.reconnect_max_retries == 7
    assert found.ws.reconnect_initial_delay == 2
    assert found.ws.reconnect_max_delay == 50
    assert found.ws.reconnect_backoff_factor == 3


def test_broken_toml_is_an_error_naming_the_file(load, tmp_path):
    (tmp_path / "quantai.toml").write_text("[ws\n")
    with pytest.raises(config.ConfigError, match=r"quantai\.toml: not valid TOML"):
        load()


def test_lists_are_written_with_commas(load):
    found = load(ALLOWED_HOSTS="a.example, b.example", SECRET_KEY="x1y2" * 10)
    assert found.site.allowed_hosts == ("a.example", "b.example")


def test_settings_cannot_be_changed_after_reading(load):
    found = load()
    with pytest.raises(ValidationError, match="frozen"):
        found.site.port = 1
    with pytest.raises(ValidationError, match="frozen"):
        found.ws = None


def test_a_running_up_is_found_from_another_terminal(load, var):
    (var / "run" / "runtime.json").write_text(
        json.dumps({"redis_url": "unix:///x.sock", "simulator_url": "https://x:1"})
    )
    with (var / "run" / "lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        found = load()
        assert found.site.redis_url == "unix:///x.sock"
        assert found.market.simulator_url == "https://x:1"
        assert row(found, "REDIS_URL").source == "running up"


def test_what_a_dead_up_left_behind_is_ignored(load, var):
    (var / "run" / "runtime.json").write_text('{"redis_url": "unix:///x.sock"}')
    (var / "run" / "lock").touch()
    found = load()
    assert found.redis_is_embedded
    assert found.site.redis_url != "unix:///x.sock"


def test_a_redis_url_of_our_own_switches_the_embedded_server_off(load):
    assert load().redis_is_embedded
    assert not load(REDIS_URL="redis://cache:6379/0").redis_is_embedded


def test_a_relative_folder_in_a_file_is_meant_from_the_file(tmp_path):
    (tmp_path / ".env").write_text("QUANTAI_VAR=data\n")
    found = config.load({}, folder=tmp_path)
    assert found.site.var == tmp_path / "data"


def test_secrets_are_masked_wherever_values_are_shown(load):
    found = load(
        SECRET_KEY="k" * 40, DATABASE_URL="postgres://me:hunter2@db/x", REDIS_URL=""
    )
    text = "\n".join(item.value for item in found.rows())
    assert "kkkk" not in text
    assert "hunter2" not in text
    assert "postgres://me:" in text
    with pytest.raises(config.ConfigError) as caught:
        load(DATABASE_URL="mysql://me:hunter2@db/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["short", "django-insecure-" + "x" * 40, "change-me" * 5]
)
def test_production_refuses_default_secrets(load, secret):
    with pytest.raises(config.ConfigError, match="SECRET_KEY"):
        load(SECRET_KEY=secret, ALLOWED_HOSTS="quantai.example")
    assert load(SECRET_KEY=secret).site.production is False


def test_production_refuses_debug(load):
    with pytest.raises(config.ConfigError, match="DEBUG must be off"):
        load(DEBUG="true", HOST="0.0.0.0")
    assert load(DEBUG="true").site.debug


def test_flags_of_up_become_settings():
    flags = ["--port", "0", "--symbols=10", "--exchange", "testnet", "--other"]
    assert config.flag_environment(flags) == {
        "PORT": "0",
        "MARKET_SYMBOLS": "10",
        "EXCHANGE": "testnet",
    }


def test_the_example_file_lists_exactly_the_settings_that_are_read():
    assert env_example.PATH.read_text(encoding="utf-8") == env_example.text()
    names = [
        line[1:].partition("=")[0]
        for line in env_example.text().splitlines()
        if line.startswith("#") and not line.startswith("# ")
    ]
    assert names == config.variables()


def test_the_example_file_changes_nothing_when_it_is_used(load, tmp_path):
    lines = env_example.text().splitlines()
    used = [line[1:] for line in lines if line[:1] == "#" and line[:2] != "# "]
    (tmp_path / ".env").write_text(
        "\n".join(line for line in used if not line.startswith("QUANTAI_VAR")) + "\n"
    )
    plain = config.load({}, folder=Path("/nonexistent"))
    found = config.load({}, folder=tmp_path)
    assert found.warnings == ()
    assert found.model_dump() == plain.model_dump()


def test_the_settings_of_the_connection_have_the_published_names_and_defaults(load):
    published = {
        "WS_RECONNECT_INITIAL_DELAY": "1",
        "WS_RECONNECT_MAX_DELAY": "60",
        "WS_RECONNECT_BACKOFF_FACTOR": "2",
        "WS_RECONNECT_MAX_RETRIES": "10",
        "WS_RECONNECT_JITTER": "0.1",
        "WS_PING_INTERVAL": "30",
        "WS_PONG_TIMEOUT": "10",
        "WS_SSL_TIMEOUT": "30",
        "WS_MESSAGE_TIMEOUT": "1200",
        "WS_MESSAGE_WARNING_TIMEOUT": "600",
        "WS_CLOSE_TIMEOUT": "2",
        "WS_MAX_MESSAGE_BYTES": str(10 * 2**20),
        "WS_READ_LIMIT_BYTES": str(64 * 2**10),
        "WS_WRITE_LIMIT_BYTES": str(64 * 2**10),
        "WS_STREAMS_PER_CONNECTION": "200",
        "WS_LONG_DELAY_AFTER": "0",
    }
    defaults = {item.variable: item.default for item in load().rows()}
    assert {name: defaults.get(name) for name in published} == published


def test_the_cloud_profile_sets_its_values(load):
    ws = load(WS_PROFILE="cloud").ws
    assert (ws.ping_interval, ws.pong_timeout, ws.close_timeout) == (10, 30, 10)
    assert (ws.long_delay_after, ws.reconnect_max_delay) == (5, 300)


def test_show_config_prints_a_document_for_programs(tmp_path):
    result = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "show_config", "--json"],
        env={"PATH": "/usr/bin", "PORT": "8123", "QUANTAI_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {item["variable"]: item for item in json.loads(result.stdout)["settings"]}
    assert rows["PORT"]["value"] == "8123"
    assert rows["PORT"]["source"] == "environment"
