"""Nothing handed to the recorder is lost or doubled: real journal, real database."""

import asyncio
import errno
import threading
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, OperationalError

from accounts import journal as journal_module
from accounts.domain.exchange import BalanceNews
from accounts.journal import JournalUnavailable
from accounts.journal_records import Record
from accounts.models import Balance, TradeRecord
from accounts.record_store import store
from accounts.recorder import EnhancedTradeRecorder
from core.errors import InvalidInput, NameTaken
from tests.accounts import planted
from tests.waiting import eventually, until


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
async def recorder(folder, database):
    async with EnhancedTradeRecorder(folder) as made:
        yield made


@sync_to_async
def symbols():
    return list(TradeRecord.objects.order_by("id").values_list("symbol", flat=True))


@sync_to_async
def trade():
    return TradeRecord.objects.get()


class Away:
    """A database that can be sent away."""

    def __init__(self, error=None):
        self.error = error
        self.calls = 0

    def __call__(self, records):
        self.calls += 1
        if self.error is not None:
            raise self.error
        store(records)


LOCKED = OperationalError("database is locked")


class TestTrades:
    async def test_an_entry_and_its_exit_become_one_row(self, recorder):
        key = recorder.record_entry(
            symbol="BTCUSDT", side="BUY", quantity=0.1, price="100.5", mood="calm"
        )
        assert recorder.record_exit(symbol="BTCUSDT", price=110, profit="0.95") == key
        await recorder.flush()
        row = await trade()
        assert (row.quantity, row.entry_price) == (Decimal("0.1"), Decimal("100.5"))
        assert (row.exit_price, row.profit) == (110, Decimal("0.95"))
        assert row.facts == {"mood": "calm"}

    async def test_an_exit_needs_an_open_entry(self, recorder):
        with pytest.raises(InvalidInput):
            recorder.record_exit(symbol="BTCUSDT")
        recorder.record_entry(symbol="BTCUSDT")
        recorder.record_exit(symbol="BTCUSDT")
        with pytest.raises(InvalidInput):
            recorder.record_exit(symbol="BTCUSDT")

    async def test_a_batch_is_all_or_nothing(self, recorder):
        with pytest.raises(InvalidInput):
            recorder.batch_record_entries(
                [{"symbol": "BTCUSDT"}, {"symbol": "ETHUSDT", "quantity": "much"}]
            )
        assert recorder.waiting == 0
        keys = recorder.batch_record_entries([{"symbol": "A"}, {"symbol": "B"}])
        await recorder.flush()
        assert len(set(keys)) == 2
        assert await symbols() == ["A", "B"]

    async def test_the_same_key_twice_is_one_row(self, recorder):
        recorder.record_entry(symbol="A", key="k")
        recorder.record_entry(symbol="A", key="k")
        await recorder.flush()
        assert await symbols() == ["A"]


class TestTransactions:
    async def test_leaving_the_block_stores(self, recorder):
        async with recorder.transaction():
            recorder.record_entry(symbol="BTCUSDT")
            recorder.record_entry(symbol="ETHUSDT")
            assert recorder.waiting == 0
        assert await symbols() == ["BTCUSDT", "ETHUSDT"]

    async def test_an_exception_discards_this_block_only(self, recorder):
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def fails():
            async with recorder.transaction():
                recorder.record_entry(symbol="LOST")
                inside.set()
                await go_on.wait()
                raise RuntimeError("no")

        task = asyncio.create_task(fails())
        await inside.wait()
        recorder.record_entry(symbol="KEPT")
        async with recorder.transaction():
            recorder.record_entry(symbol="TOO")
        go_on.set()
        with pytest.raises(RuntimeError):
            await task
        await recorder.flush()
        assert await symbols() == ["KEPT", "TOO"]

    async def test_an_inner_block_goes_with_the_outer_one(self, recorder):
        async def record(symbol, *, fail):
            async with recorder.transaction():
                recorder.record_entry(symbol=symbol)
                if fail:
                    raise RuntimeError

        async def outer():
            async with recorder.transaction():
                await record("INNER", fail=False)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await outer()
        async with recorder.transaction():
            with pytest.raises(RuntimeError):
                await record("DISCARDED", fail=True)
            recorder.record_entry(symbol="OUTER")
        assert await symbols() == ["OUTER"]

    async def test_a_database_that_is_away_loses_nothing_and_raises_nothing(
        self, folder, database
    ):
        away = Away(LOCKED)
        async with EnhancedTradeRecorder(folder, write=away) as recorder:
            async with recorder.transaction():
                recorder.record_entry(symbol="A")
            assert recorder.waiting == 1
            away.error = None
            await recorder.flush()
        assert await symbols() == ["A"]


class TestSurviving:
    async def test_a_write_that_fails_restores_the_buffer_in_its_order(
        self, folder, database
    ):
        away = Away(LOCKED)
        async with EnhancedTradeRecorder(folder, write=away) as recorder:
            for symbol in "AB":
                recorder.record_entry(symbol=symbol)
            with pytest.raises(OperationalError):
                await recorder.flush()
            recorder.record_entry(symbol="C")
            assert recorder.waiting == 3
            away.error = None
            assert await recorder.flush() == 3
        assert await symbols() == ["A", "B", "C"]

    async def test_what_a_crash_left_is_stored_by_the_next_one(self, folder, database):
        first = EnhancedTradeRecorder(folder, write=Away(LOCKED))
        first.record_entry(symbol="A")
        await first.close()
        async with EnhancedTradeRecorder(folder) as second:
            assert second.waiting == 1
            assert second.record_exit(symbol="A")
            await second.flush()
        async with EnhancedTradeRecorder(folder) as third:
            assert third.waiting == 0
        assert (await trade()).exit_at is not None

    async def test_a_mark_that_is_behind_doubles_nothing(self, folder, database):
        async with EnhancedTradeRecorder(folder) as recorder:
            recorder.record_entry(symbol="A")
            await recorder.flush()
        (folder / "mark").write_bytes(b"torn")
        async with EnhancedTradeRecorder(folder) as recorder:
            assert recorder.waiting == 1
        assert await symbols() == ["A"]

    async def test_a_full_disk_keeps_nothing_of_the_call_and_says_so(
        self, recorder, monkeypatch
    ):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(journal_module.os, "fdatasync", full)
        with pytest.raises(JournalUnavailable):
            recorder.record_entry(symbol="LOST")
        account = await sync_to_async(planted.account)("one", mode="paper")
        recorder.put([Record(account.id, BalanceNews("USDT", Decimal(5), 1))])
        await recorder.flush()
        monkeypatch.undo()
        recorder.record_entry(symbol="A")
        await recorder.flush()
        assert await symbols() == ["A"]
        assert await sync_to_async(Balance.objects.count)() == 1

    async def test_one_that_can_never_be_stored_is_put_aside(self, folder, database):
        def picky(records):
            if any(one.body.symbol == "BAD" for one in records):
                raise IntegrityError("no")
            store(records)

        async with EnhancedTradeRecorder(folder, write=picky) as recorder:
            recorder.batch_record_entries(
                [{"symbol": "A"}, {"symbol": "BAD"}, {"symbol": "B"}]
            )
            await recorder.flush()
            assert (recorder.refused, recorder.waiting) == (1, 0)
        assert await symbols() == ["A", "B"]
        assert "BAD" in (folder / "refused.log").read_text()

    async def test_a_runner_waits_for_the_database_and_goes_on(self, folder, database):
        away = Away(LOCKED)
        async with EnhancedTradeRecorder(folder, write=away) as recorder:
            running = asyncio.create_task(recorder.run())
            recorder.record_entry(symbol="A")
            await until(lambda: away.calls >= 2)
            away.error = None
            await until(lambda: recorder.waiting == 0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert await symbols() == ["A"]


class TestGuards:
    async def test_the_guards_have_their_names_and_kinds(self, recorder):
        assert isinstance(recorder.flush_lock, asyncio.Lock)
        for guard in (recorder.write_lock, recorder.db_lock):
            with guard, guard:
                pass

    async def test_threads_and_tasks_together_lose_nothing(self, recorder):
        def many(name):
            for number in range(20):
                recorder.record_entry(symbol=f"{name}{number}")

        threads = [threading.Thread(target=many, args=(n,)) for n in "ABCD"]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            await asyncio.gather(recorder.flush(), recorder.flush())
            await asyncio.sleep(0)
        await recorder.flush()
        found = await symbols()
        assert len(found) == len(set(found)) == 80

    async def test_many_openers_open_one_journal(self, folder, database):
        recorder = EnhancedTradeRecorder(folder)
        await asyncio.gather(*(asyncio.to_thread(recorder.open) for _ in range(8)))
        with pytest.raises(NameTaken):
            EnhancedTradeRecorder(folder).record_entry(symbol="A")
        await recorder.close()

    async def test_records_of_the_exchange_wait_for_the_flush(self, recorder):
        account = await sync_to_async(planted.account)("one", mode="paper")
        running = asyncio.create_task(recorder.run())
        recorder.put([Record(account.id, BalanceNews("USDT", Decimal(5), 1))])
        await eventually(
            sync_to_async(lambda: list(Balance.objects.values_list("wallet"))),
            lambda found: found == [(5,)],
        )
        assert recorder.statistics()["stored"] == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
