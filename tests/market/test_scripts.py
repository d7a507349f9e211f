import asyncio

import pytest

from core import redis as core_redis
from market.scripts import ScriptLine

COUNT = "return {redis.call('INCR', KEYS[1]), ARGV[1]}"


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


async def test_scripts_run_in_the_order_in_which_they_were_asked_for(redis):
    line = ScriptLine(redis)
    answers = await asyncio.gather(*[line.ask(COUNT, ["n"], [k]) for k in range(50)])
    assert answers == [[k + 1, str(k).encode()] for k in range(50)]


async def test_a_script_that_fails_fails_alone(redis):
    line = ScriptLine(redis)
    good, bad, better = await asyncio.gather(
        line.ask(COUNT, ["n"], [1]),
        line.ask("return redis.call('NO SUCH')", [], []),
        line.ask(COUNT, ["n"], [2]),
        return_exceptions=True,
    )
    assert (good[0], better[0]) == (1, 2)
    assert isinstance(bad, core_redis.UNAVAILABLE)


async def test_who_is_cancelled_does_not_stop_the_others(redis):
    line = ScriptLine(redis)
    tasks = [asyncio.create_task(line.ask(COUNT, ["n"], [k])) for k in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [answers[0][0], answers[2][0]] == [1, 3]


async def test_without_redis_everybody_who_waits_hears_of_it(redis, redis_server):
    line = ScriptLine(redis)
    redis_server.kill()
    try:
        answers = await asyncio.gather(
            *[line.ask(COUNT, ["n"], [k]) for k in range(3)], return_exceptions=True
        )
    finally:
        redis_server.start()
    assert all(isinstance(answer, core_redis.UNAVAILABLE) for answer in answers)
    assert (await line.ask(COUNT, ["n"], [9]))[1] == b"9"
