import configparser
import shlex
from pathlib import Path

import pytest

from quantai_site.supervision.programs import Plan, Program, programs, supervisor_file

PLAN = Plan(
    exchange="simulator",
    host="127.0.0.1",
    port=8000,
    web="daphne",
    redis_command=("redis-server", "/x/redis.conf"),
    simulator_port=5001,
    simulator_plain_port=5002,
)


def names(plan):
    return [item.name for item in programs(plan)]


def test_by_default_everything_is_embedded():
    assert names(PLAN) == [
        *("redis", "simulator", "web", "feed", "scanner", "trader", "worker", "beat"),
    ]


@pytest.mark.parametrize("exchange", ["testnet", "binance"])
def test_a_real_exchange_needs_no_simulator(exchange):
    assert "simulator" not in names(
        PLAN.__class__(**{**vars(PLAN), "exchange": exchange})
    )


def test_a_redis_of_ones_own_needs_no_embedded_one():
    assert "redis" not in names(PLAN.__class__(**{**vars(PLAN), "redis_command": ()}))


def test_what_uses_the_database_waits_for_the_migrations():
    waiting = {item.name for item in programs(PLAN) if item.needs_database}
    assert waiting == {"web", "feed", "scanner", "trader", "worker", "beat"}


def test_several_feeds_have_names_of_their_own():
    plan = PLAN.__class__(**{**vars(PLAN), "feeds": 3})
    feeds = {p.name: p.command[-1] for p in programs(plan) if "feed" in p.name}
    assert feeds == {
        "feed": "--name=feed",
        "feed-2": "--name=feed-2",
        "feed-3": "--name=feed-3",
    }


def test_workers_are_as_many_as_wanted_and_know_their_number():
    plan = PLAN.__class__(**{**vars(PLAN), "workers": 2})
    workers = {p.name: p.command[-1] for p in programs(plan) if "worker" in p.name}
    assert workers == {"worker": "--name=worker-1", "worker-2": "--name=worker-2"}
    none = PLAN.__class__(**{**vars(PLAN), "workers": 0})
    assert names(none)[-1] == "beat"


def test_the_feed_waits_until_the_simulator_listens():
    assert {item.name: item.after_port for item in programs(PLAN)}["feed"] == 5001
    real = PLAN.__class__(**{**vars(PLAN), "exchange": "binance"})
    assert {item.name: item.after_port for item in programs(real)}["feed"] == 0


def test_commands_survive_spaces_and_percent_signs():
    command = ("/a b/python", "100%", "x'y")
    text = supervisor_file(
        [Program("web", command, 1)], sockets=Path("/s"), run_dir=Path("/my var/run")
    )
    parser = configparser.ConfigParser()
    parser.read_string(text)
    section = parser["program:web"]
    assert tuple(shlex.split(section["command"]))[-3:] == command
    assert section["autorestart"] == "true"
    assert parser["supervisord"]["pidfile"] == "/my var/run/supervisord.pid"
