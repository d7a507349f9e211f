import asyncio

from hypothesis import given
from hypothesis import strategies as st

from market.binance.dial import DialBucket, DialGate
from tests.clock import FakeClock


@given(
    st.integers(1, 20),
    st.lists(st.floats(0, 60), min_size=1, max_size=120),
)
def test_no_window_ever_holds_more_dials_than_allowed(limit, pauses):
    clock = FakeClock()
    bucket = DialBucket(limit, 300.0, clock)
    taken = []

    async def dial_all():
        for pause in pauses:
            clock.move(pause)
            if await bucket.take() == 0:
                taken.append(clock.monotonic())

    asyncio.run(dial_all())
    for start in taken:
        inside = [at for at in taken if start <= at < start + 300.0]
        assert len(inside) <= limit


async def test_the_wait_it_names_is_enough():
    clock = FakeClock()
    bucket = DialBucket(1, 300.0, clock)
    assert await bucket.take() == 0
    clock.move(100)
    wait = await bucket.take()
    assert wait == 200
    clock.move(wait)
    assert await bucket.take() == 0


def gate(concurrency=8):
    return DialGate(DialBucket(1000, 300.0, FakeClock()), concurrency)


async def test_no_more_dials_at_a_time_than_allowed():
    target, inside, most = gate(3), 0, 0

    async def dial():
        nonlocal inside, most
        async with target.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(dial() for _ in range(20)))
    assert most == 3
    assert target.dials == 20
    assert target.waiting == 0


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def lose_all(target, names, now=10.0):
    for name in names:
        target.lost(name, now)


async def test_after_a_common_failure_one_canary_dials_first():
    target, dialled = gate(), []
    names = ["a", "b", "c", "d"]
    lose_all(target, names)

    async def dial(name):
        async with target.turn(name):
            dialled.append(name)

    jobs = [asyncio.create_task(dial(name)) for name in names]
    await settle()
    assert dialled == ["a"]
    target.proven()
    await asyncio.gather(*jobs)
    assert sorted(dialled) == names


async def test_a_lost_canary_makes_room_for_the_next():
    target, dialled = gate(), []
    lose_all(target, ["a", "b", "c"])

    async def dial(name):
        async with target.turn(name):
            dialled.append(name)

    jobs = [asyncio.create_task(dial(name)) for name in ("a", "b", "c")]
    await settle()
    target.lost("a", 11.0)
    await settle()
    assert dialled == ["a", "b"]
    target.proven()
    await asyncio.gather(*jobs)


async def test_single_losses_far_apart_need_no_canary():
    target, dialled = gate(), []
    for number in range(6):
        target.lost(f"c{number}", number * 10.0)

    async def dial(name):
        async with target.turn(name):
            dialled.append(name)

    await asyncio.gather(dial("a"), dial("b"))
    assert dialled == ["a", "b"]


async def test_a_canary_that_is_given_up_makes_room_for_the_next():
    """As when its last stream is unsubscribed while it dials."""
    target, dialled = gate(), []
    lose_all(target, ["a", "b", "c"])

    async def dial(name):
        try:
            async with target.turn(name):
                dialled.append(name)
                await asyncio.Event().wait()
        finally:
            target.left(name)

    jobs = [asyncio.create_task(dial(name)) for name in ("a", "b", "c")]
    await settle()
    assert dialled == ["a"]
    jobs[0].cancel()
    await settle()
    assert dialled == ["a", "b"]
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
