"""Of several scanner processes one scans; on real Redis and database."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from market import scanner_process as module
from market import signal_services
from market.models import Scan
from market.scanner_process import ScannerProcess
from tests.market import scanned
from tests.market.scanned import VENUE
from tests.waiting import eventually, until

pytestmark = pytest.mark.usefixtures("database", "layer")


class Work:
    """Notes who looks; ends what waits."""

    def __init__(self, name, looks):
        self.name, self.looks = name, looks

    def look(self):
        self.looks.append(self.name)
        Scan.objects.filter(state="waiting").update(state="done", note=self.name)


@pytest.fixture
async def start(monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(signal_services, "LEASE_SECONDS", 3.0)
    running, looks = [], []

    def start(name):
        process = ScannerProcess(VENUE, lambda: Work(name, looks))
        task = asyncio.create_task(process.run())
        running.append(task)
        return process, task

    yield start, looks
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@sync_to_async
def ask():
    scanned.follow(scanned.names(1)) if not Scan.objects.exists() else None
    return signal_services.scan_request(venue=VENUE, trigger="person", actor="alice")


@sync_to_async
def state(row):
    row.refresh_from_db()
    return row.state, row.note


async def test_one_scans_and_another_takes_over_when_it_ends(start):
    begin, looks = start
    first, task = begin("one")
    await until(lambda: first.holds and looks)
    second, _ = begin("two")
    await asyncio.sleep(0.5)
    assert not second.holds
    assert set(looks) == {"one"}
    row = await ask()
    assert (await eventually(lambda: state(row), lambda s: s[0] == "done"))[1] == "one"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: second.holds)
    row = await ask()
    assert (await eventually(lambda: state(row), lambda s: s[0] == "done"))[1] == "two"


async def test_a_request_is_answered_at_once_when_it_wakes_the_scanner(
    start, monkeypatch
):
    monkeypatch.setattr(module, "LOOK_SECONDS", 60.0)
    begin, _looks = start
    process, _ = begin("one")
    await until(lambda: process.holds)
    await asyncio.sleep(0.3)
    row = await ask()
    await eventually(lambda: state(row), lambda s: s[0] == "done")


async def test_nobody_scans_while_redis_is_away(start, redis_server):
    begin, _looks = start
    process, task = begin("one")
    await until(lambda: process.holds)
    redis_server.kill()
    try:
        await until(lambda: not process.holds)
        assert not task.done()
    finally:
        redis_server.start()
    await until(lambda: process.holds)


async def test_a_scan_that_the_database_broke_off_is_ended_and_scanning_goes_on(
    start, monkeypatch
):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
    row = await ask()
    broken = []

    def look(self):
        if not broken:
            broken.append(Scan.objects.filter(id=row.id).update(state="running"))
            raise OperationalError("locked")
        self.looks.append(self.name)

    monkeypatch.setattr(Work, "look", look)
    begin, looks = start
    begin("one")
    assert await eventually(lambda: state(row), lambda s: s[0] == "failed")
    await until(lambda: looks)


async def test_what_was_left_running_is_ended_when_one_begins(start):
    row = await ask()
    await sync_to_async(Scan.objects.filter(id=row.id).update)(state="running")
    begin, _ = start
    begin("one")
    assert await eventually(lambda: state(row), lambda s: s[0] == "failed")
