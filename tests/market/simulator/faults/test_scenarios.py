import asyncio
import json

import pytest

from market.simulator.errors import SimulatorError
from market.simulator.faults.scenarios import SHIPPED, Scenario, load_scenario
from tests.market.simulator.faults.conftest import end_of, frame

STEPS = {
    "name": "short",
    "seed": 5,
    "steps": [
        {"at": 0.0, "name": "silence", "arm": {"kind": "mute", "stream": "*"}},
        {"at": 0.2, "disarm": "silence"},
        {"at": 0.3, "every": 0.1, "times": 2, "arm": {"kind": "rst", "for": 0.05}},
    ],
}


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml")))
def test_every_shipped_scenario_can_be_played(name):
    scenario = load_scenario(name)
    assert scenario.says
    assert scenario.seed is not None


async def test_steps_come_at_their_times(wire):
    async with wire.connect() as socket:
        await frame(socket)
        numbers = await wire.simulator.play(Scenario(**STEPS))
        await end_of(socket)
    assert len(numbers) == 3
    assert [entry["fault"]["kind"] for entry in wire.faults.listing()] == [
        "mute",
        "rst",
        "rst",
    ]


def test_a_json_file_is_as_good_as_a_toml_file(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(STEPS))
    scenario = load_scenario(str(file))
    assert [at for at, _ in scenario.timeline()] == pytest.approx([0.0, 0.2, 0.3, 0.4])
    assert scenario.seconds == pytest.approx(0.4)


async def test_on_the_simulated_clock_steps_come_faster(start):
    steps = [{"at": 30.0, "arm": {"kind": "clock_jump", "milliseconds": 5}}]
    scenario = Scenario(name="hour", clock="simulated", steps=steps)
    async with start(speed=60) as client, asyncio.timeout(5):
        begun = asyncio.get_running_loop().time()
        await client.simulator.play(scenario)
        assert 0.4 < asyncio.get_running_loop().time() - begun < 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[steps]]\nat = 1\n", "arms a fault or disarms one"),
        ("[[steps]]\narm = { kind = 'x' }\n", "unknown kind 'x'"),
        ("steps = []\n", "at least 1 item"),
        ("no toml", "bad.toml"),
    ],
)
def test_a_bad_file_is_an_error_that_says_why(tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SimulatorError, match=message):
        load_scenario(str(file))


def test_an_unknown_name_is_answered_with_the_shipped_ones():
    with pytest.raises(
        SimulatorError, match="no such scenario; shipped are bad_record, ban"
    ):
        load_scenario("nothing_like_it")
