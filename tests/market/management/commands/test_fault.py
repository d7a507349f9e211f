"""``manage fault`` against a running simulator."""

import asyncio
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator


@pytest.fixture
def say(settings, tmp_path):
    """Run the command in a thread beside the simulator; returns its output."""
    site = settings.QUANTAI.site.model_copy(update={"var": tmp_path})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})

    async def say(*words):
        out = StringIO()
        await asyncio.to_thread(call_command, "fault", *words, stdout=out)
        return out.getvalue().strip()

    return say


@pytest.fixture
async def simulator(tmp_path):
    folder = tmp_path / "simulator"
    async with running_simulator(SimulatorSettings(symbols=2), folder) as running:
        yield running


async def test_arming_prints_the_number_and_listing_shows_the_hits(say, simulator):
    assert await say("arm", "mute", "--stream", "*@kline_*", "--for", "60") == "1"
    assert await say("arm", "rest", "--answer", "503A", "--count", "2") == "2"
    lines = (await say("list")).splitlines()
    assert lines[0].split()[:3] == ["1", "active", "hits=0"]
    assert "answer=503A" in lines[1]
    await say("disarm", "1")
    assert (await say("list")).split()[1] == "ended"
    await say("disarm", "all")
    assert not any(entry["active"] for entry in simulator.faults.listing())


async def test_a_shipped_scenario_is_played(say, simulator):
    assert "last step in 0 s" in await say("scenario", "one_dead_stream")
    assert len(simulator.faults.listing()) == 1


async def test_kinds_are_listed_without_a_simulator(say):
    assert "tls_flip" in await say("kinds")


async def test_without_a_simulator_the_error_says_how_to_start_one(say):
    with pytest.raises(CommandError, match="run_simulator"):
        await say("list")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("arm", "earthquake"), "unknown kind 'earthquake'"),
        (("arm", "handshake"), "handshake needs answer"),
        (("disarm", "9"), "there is no fault 9"),
        (("scenario", "nothing"), "shipped are"),
    ],
)
async def test_a_bad_wish_is_an_error_that_says_why(say, simulator, words, message):
    with pytest.raises(CommandError, match=message):
        await say(*words)
