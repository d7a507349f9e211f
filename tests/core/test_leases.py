import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core.errors import NameTaken
from core.leases import Leases, Member
from tests.waiting import eventually, until

COUNT = 8
LEASE = 0.3


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
def join(redis):
    def join(name, run="1", seconds=LEASE):
        member = Member(name, "host", 7, run)
        return Leases(redis, "job", member, count=COUNT, seconds=seconds)

    return join


async def test_one_alone_gets_every_share(join):
    holding = await join("a").beat()
    assert holding.held == set(range(COUNT))
    assert holding.quota == COUNT
    assert holding.taken == dict.fromkeys(range(COUNT))
    assert [str(member) for member in holding.members] == ["a|host|7|1|"]


async def test_what_is_held_stays_held_and_is_taken_once(join):
    a = join("a")
    await a.beat()
    again = await a.beat()
    assert again.held == set(range(COUNT))
    assert again.taken == {}


async def test_one_that_joins_gets_what_is_released_up_to_its_part(join):
    a, b = join("a"), join("b")
    await a.beat()
    assert (await b.beat()).held == set()
    assert (await a.beat()).quota == 4
    await a.release([3, 4, 5, 6, 7])
    assert (await b.beat()).held == {3, 4, 5, 6}
    assert (await a.beat()).held == {0, 1, 2, 7}


async def test_nobody_releases_what_another_holds(join):
    a, b = join("a"), join("b")
    await a.beat()
    await b.beat()
    await b.release(range(COUNT))
    assert (await a.beat()).held == set(range(COUNT))


async def test_the_shares_of_a_silent_member_go_to_one_that_shows_life(join):
    a, b = join("a"), join("b")
    await a.beat()
    await a.release([5, 6])
    await b.beat()
    holding = await eventually(b.beat, lambda got: len(got.held) == COUNT, 2)
    assert {m.name for m in holding.taken.values()} == {"a"}
    assert [m.name for m in holding.members] == ["b"]


async def test_one_thought_dead_finds_its_shares_taken_and_does_not_get_them_back(join):
    a, b = join("a"), join("b")
    await a.beat()
    await asyncio.sleep(LEASE * 1.2)
    await b.beat()
    holding = await a.beat(range(COUNT))
    assert holding.held == set()
    assert len(holding.members) == 2


async def test_one_thought_dead_whose_shares_nobody_wanted_goes_on(join):
    a = join("a")
    await a.beat()
    await asyncio.sleep(LEASE * 1.2)
    again = await a.beat()
    assert again.held == set(range(COUNT))
    assert again.taken == {}


async def test_after_a_restart_of_redis_each_takes_again_what_it_follows(join, bus):
    a, b = join("a"), join("b")
    bus.flushall()
    assert (await b.beat([4, 5], claim=False)).held == {4, 5}
    assert (await a.beat([0, 1, 5], claim=False)).held == {0, 1}


async def test_one_that_comes_back_takes_nothing_of_others_that_come_back_too(
    join, bus
):
    a, b = join("a", seconds=60), join("b", seconds=60)
    await a.beat()
    await b.beat()
    await a.release([4, 5, 6, 7])
    await b.beat()
    bus.flushall()
    assert (await a.beat([0, 1, 2, 3])).held == {0, 1, 2, 3}
    assert (await b.beat([4, 5, 6, 7])).held == {4, 5, 6, 7}
    assert (await a.beat([0, 1, 2, 3])).held == {0, 1, 2, 3}


async def test_more_than_the_quota_is_kept_until_it_is_released(join, bus):
    a, b = join("a"), join("b")
    await b.beat(claim=False)
    holding = await a.beat(range(COUNT), claim=False)
    assert len(holding.held) == COUNT
    assert holding.quota == 4


async def test_leaving_frees_everything_at_once(join):
    a, b = join("a", seconds=60), join("b", seconds=60)
    await a.beat()
    await a.leave()
    holding = await b.beat()
    assert holding.held == set(range(COUNT))
    assert set(holding.taken.values()) == {None}
    assert len(holding.members) == 1


async def test_of_two_of_one_name_the_second_waits_until_the_first_is_silent(join):
    first, second = join("a", "1"), join("a", "2")
    await first.beat()
    with pytest.raises(NameTaken, match=r"a \(process 7 on host\)"):
        await second.beat()
    await asyncio.sleep(LEASE * 1.2)
    assert (await second.beat()).held == set(range(COUNT))


@pytest.fixture
def ended():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def test_one_whose_process_is_gone_is_not_waited_for(join, redis, ended):
    here = Member.here("a", "1")
    dead = Leases(redis, "job", replace(here, pid=ended), count=COUNT, seconds=60)
    await dead.beat()
    holding = await join("b", seconds=60).beat()
    assert holding.held == set(range(COUNT))
    assert {member.pid for member in holding.taken.values()} == {ended}


async def test_the_next_of_its_name_goes_on_at_once(join, redis, ended):
    here = Member.here("a", "1")
    await Leases(redis, "job", replace(here, pid=ended), count=COUNT, seconds=60).beat()
    assert (await join("a", "2", seconds=60).beat()).held == set(range(COUNT))


@pytest.fixture
def unnoticed():
    """The id of a process that is dead, of which its parent has not heard."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()
    yield process.pid
    process.stdout.close()
    process.wait()


async def test_one_that_is_dead_and_waits_for_its_parent_is_gone(
    join, redis, unnoticed
):
    dead = replace(Member.here("a", "1"), pid=unnoticed)
    await until(lambda: dead.is_gone)
    await Leases(redis, "job", dead, count=COUNT, seconds=60).beat()
    assert (await join("b", seconds=60).beat()).held == set(range(COUNT))


async def test_of_processes_elsewhere_nothing_is_known_but_their_signs_of_life(
    join, redis, ended
):
    here = Member.here("a", "1")
    for number, place in enumerate(("", "another boot")):
        far = replace(here, name=f"far-{number}", pid=ended, place=place)
        await Leases(redis, f"{number}", far, count=COUNT, seconds=60).beat()
        other = Leases(redis, f"{number}", here, count=COUNT, seconds=60)
        assert (await other.beat()).held == set()


async def test_a_living_process_here_is_waited_for(join, redis):
    here = Member.here("a", "1")
    await Leases(redis, "job", here, count=COUNT, seconds=60).beat()
    assert (await join("b", seconds=60).beat()).held == set()


async def test_a_name_that_begins_like_another_is_another(join):
    await join("feed").beat()
    await join("feed-2").beat()
    holding = await join("fee").beat()
    assert {one.name for one in holding.members} == {"fee", "feed", "feed-2"}


async def test_jobs_do_not_meet(join, redis):
    other = Leases(redis, "other", Member("a", "h", 1, "9"), count=2, seconds=LEASE)
    await join("a").beat()
    assert (await other.beat()).held == {0, 1}


async def test_without_redis_leaving_is_said_and_the_lease_runs_out(caplog, tmp_path):
    away = AsyncRedis(unix_socket_path=str(tmp_path / "nobody"))
    member = Member("a", "host", 7, "1")
    await Leases(away, "job", member, count=COUNT, seconds=LEASE).leave_or_expire()
    assert "the lease runs out by itself" in caplog.text
    await away.aclose()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["beat", "shed", "leave"])),
        min_size=4,
        max_size=40,
    )
)
async def test_no_share_ever_has_two_owners_and_at_the_end_all_have_one(
    bus, join, steps
):
    bus.flushall()
    members = {name: join(name, seconds=60) for name in "abcd"}
    held = {name: frozenset() for name in members}

    async def beat(name):
        holding = await members[name].beat(held[name])
        held[name] = holding.held
        extra = sorted(holding.held)[holding.quota :]
        await members[name].release(extra)
        held[name] -= set(extra)

    for name, step in steps:
        if step == "leave":
            await members[name].leave()
            held[name] = frozenset()
        elif step == "shed":
            await members[name].release(held[name])
            held[name] = frozenset()
        else:
            await beat(name)
        owned = [share for shares in held.values() for share in shares]
        assert len(owned) == len(set(owned))
    for _ in range(3):
        for name in members:
            await beat(name)
    assert sorted(share for shares in held.values() for share in shares) == list(
        range(COUNT)
    )
    assert {len(shares) for shares in held.values()} == {COUNT // 4}
