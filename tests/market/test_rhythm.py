"""Jobs again and again: what fails is tried again, and ends nothing but itself."""

import asyncio

import pytest
from django.db import OperationalError

from market import rhythm
from market.rhythm import attempt, every, only_if
from tests.waiting import until


@pytest.fixture
async def begin():
    tasks = []

    def begin(seconds, job, asked=None):
        tasks.append(asyncio.create_task(every(seconds, job, asked or asyncio.Event())))

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_job_is_done_at_once_and_again_after_its_period(begin):
    done = []

    async def job():
        done.append(1)

    begin(0.01, job)
    await until(lambda: len(done) >= 3)


async def test_who_asks_does_not_wait_for_the_period(begin):
    done, asked = [], asyncio.Event()

    async def job():
        done.append(1)

    begin(3600.0, job, asked)
    await until(lambda: done)
    asked.set()
    await until(lambda: len(done) == 2)
    assert not asked.is_set()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("database is locked"), "store failed, trying again"),
        (ConnectionRefusedError("no Redis"), "store failed, trying again"),
        (KeyError("price"), "store failed in a way nobody thought of"),
    ],
)
async def test_what_fails_is_said_and_done_again_soon(
    begin, monkeypatch, caplog, error, said
):
    monkeypatch.setattr(rhythm, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(rhythm, "FIRST_RETRY_SECONDS", 0.01)
    done = []

    async def store():
        done.append(1)
        if len(done) == 1:
            raise error

    begin(3600.0, store)
    await until(lambda: len(done) == 2)
    assert said in caplog.text


async def test_a_failure_is_told_to_who_attempts():
    async def job():
        raise OperationalError

    async def other():
        return None

    assert not await attempt(job)
    assert await attempt(other)


async def test_a_job_under_a_condition_keeps_its_name_and_waits_for_it():
    done, open_ = [], []

    async def fill_bars():
        done.append(1)

    guarded = only_if(lambda: bool(open_), fill_bars)
    await guarded()
    assert not done
    open_.append(1)
    await guarded()
    assert done
    assert guarded.__name__ == "fill_bars"
