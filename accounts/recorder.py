"""The trade recorder: nothing that was handed to it is lost or doubled.

What must survive is a line of the journal, synced, before the call returns; rows follow
in bulk, off the event loop. Three guards: ``write_lock`` for buffer and journal,
``db_lock`` for the database, ``flush_lock`` for the tasks that want a flush. A write that
fails puts its records back. After a crash the journal is read again from the last mark;
records are such that reading one twice changes nothing (``record_store``).

One process writes a journal; its folder is locked.
"""

import asyncio
import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from accounts import crash_points
from accounts.journal import Journal, JournalUnavailable
from accounts.journal_mark import Mark
from accounts.journal_records import Record, TradeEntered, TradeExited
from accounts.record_store import store
from accounts.trade_entries import entered, exited
from core.errors import InvalidInput
from core.patience import TRANSIENT, patient

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.1, 5.0
FORGET_EVERY = 1_000


@dataclass(frozen=True)
class _Waiting:
    """A record on its way to the database; ``number``: its line, once it has one."""

    record: Record
    number: int | None


class EnhancedTradeRecorder:
    """Records entries and exits of trades, and everything the trader has to keep.

    ``folder`` holds the journal; by default one of its own in the installation's folder.
    Synchronous methods touch memory and journal only, so they may be called inside a
    running event loop; they raise ``JournalUnavailable`` when the disk refuses, and then
    nothing of the call was kept.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        venue: str = "",
        write: Callable[[Sequence[Record]], None] = store,
    ) -> None:
        self.flush_lock = asyncio.Lock()
        self.write_lock = threading.RLock()
        self.db_lock = threading.RLock()
        self._folder = folder or settings.QUANTAI.site.var / "journal" / "recorder"
        self._venue = venue or settings.QUANTAI.site.exchange
        self._write = write
        self._journal: Journal | None = None
        self._mark: Mark | None = None
        self._waiting: deque[_Waiting] = deque()
        self._open_trades: dict[str, list[str]] = {}
        self._block: ContextVar[list[Record] | None] = ContextVar(
            f"block of {id(self)}", default=None
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted = asyncio.Event()
        self._forgotten = 0
        self.stored = 0
        self.refused = 0

    # -- beginning and end ------------------------------------------------------

    def open(self) -> int:
        """Open the journal unless it is open; returns how many records wait.

        What a crash left is read again here. Raises ``NameTaken``, ``JournalDamaged``.
        """
        if self._journal is None:
            with self.write_lock:
                if self._journal is None:
                    self._begin()
        return len(self._waiting)

    def _begin(self) -> None:
        journal = Journal(self._folder)
        mark = Mark(self._folder)
        left = [
            _Waiting(Record.of(raw), number)
            for number, raw in journal.replay(after=mark.number)
        ]
        if left:
            log.warning("%d records of the journal are read again", len(left))
        self._waiting.extend(left)
        for one in left:
            self._remember(one.record)
        self._mark, self._journal = mark, journal

    async def close(self) -> None:
        """Store what waits, if the database lets; what does not fit stays on disk."""
        with contextlib.suppress(DatabaseError, JournalUnavailable):
            await self.flush()
        with self.write_lock:
            if self._journal is not None and self._mark is not None:
                self._journal.close()
                self._mark.close()
            self._journal = self._mark = None
            self._waiting.clear()

    async def __aenter__(self) -> "EnhancedTradeRecorder":
        await asyncio.to_thread(self.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- trades -----------------------------------------------------------------

    def record_entry(self, symbol: str, **facts: Any) -> str:
        """Record the entry of a trade; returns its key.

        Known words: ``side``, ``quantity``, ``price`` (or ``entry_price``), ``account``,
        ``at`` (ms since the epoch), ``fees``, ``key``; others are kept as they are.
        Raises ``InvalidInput``, ``JournalUnavailable``.
        """
        return self.batch_record_entries([{"symbol": symbol, **facts}])[0]

    def batch_record_entries(self, entries: Iterable[Mapping[str, Any]]) -> list[str]:
        """Record entries together: all of them or, with an error, none."""
        bodies = [entered(each, venue=self._venue) for each in entries]
        self._keep([Record(0, body) for body in bodies])
        return [body.key for body in bodies]

    def record_exit(self, entry: str = "", *, symbol: str = "", **facts: Any) -> str:
        """Record the exit of a trade: of the entry of this key, else the newest that is
        open on the symbol. Returns the key.

        Known words: ``price`` (or ``exit_price``), ``reason``, ``at``, ``fees``,
        ``profit``.
        """
        key = entry or self._newest_open(symbol)
        body = exited(key, facts)
        self._keep([Record(0, body)])
        return key

    def _newest_open(self, symbol: str) -> str:
        block = self._block.get() or []
        for record in reversed(block):
            if isinstance(record.body, TradeEntered) and record.body.symbol == symbol:
                return record.body.key
        known = self._open_trades.get(symbol)
        if not known:
            raise InvalidInput("symbol", symbol, "has no open entry of this recorder")
        return known[-1]

    def _remember(self, record: Record) -> None:
        """Know which entries have no exit yet."""
        body = record.body
        if isinstance(body, TradeEntered):
            self._open_trades.setdefault(body.symbol, []).append(body.key)
        elif isinstance(body, TradeExited):
            for keys in self._open_trades.values():
                if body.entry in keys:
                    keys.remove(body.entry)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator["EnhancedTradeRecorder"]:
        """Keep what is recorded inside together, and flush on leaving.

        An exception in the block discards what this block recorded, and nothing else.
        A database that is away raises nothing here: the journal has it all.
        """
        outer = self._block.get()
        block: list[Record] = []
        token = self._block.set(block)
        try:
            yield self
        finally:
            self._block.reset(token)
        if outer is not None:
            outer.extend(block)
            return
        await asyncio.to_thread(self._keep, block)
        try:
            await self.flush()
        except TRANSIENT as error:
            log.warning(
                "the database is away, the journal has what was kept: %s", error
            )

    # -- keeping ----------------------------------------------------------------

    def _keep(self, records: Sequence[Record]) -> None:
        block = self._block.get()
        if block is not None:
            block.extend(records)
            return
        self.write_ahead(records)

    def write_ahead(self, records: Sequence[Record]) -> None:
        """Keep records for good before this returns; raises ``JournalUnavailable``."""
        if not records:
            return
        self.open()
        with self.write_lock:
            crash_points.reach("before_journal")
            numbered = self._append(records)
            crash_points.reach("after_journal")
            self._waiting.extend(numbered)
            for record in records:
                self._remember(record)
        self._call()

    def put(self, records: Iterable[Record]) -> None:
        """Take records that the exchange could tell again; the next flush keeps them."""
        with self.write_lock:
            self._waiting.extend(_Waiting(record, None) for record in records)
        self._call()

    def _append(self, records: Sequence[Record]) -> list[_Waiting]:
        assert self._journal is not None
        last = self._journal.append(*(record.document() for record in records))
        first = last - len(records) + 1
        return [_Waiting(record, first + at) for at, record in enumerate(records)]

    def _call(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wanted.set)

    @property
    def waiting(self) -> int:
        """How many records are not stored yet."""
        return len(self._waiting)

    # -- flushing ---------------------------------------------------------------

    async def flush(self) -> int:
        """Store what waits; returns how many records.

        Raises ``django.db.Error`` when the database is away; everything still waits
        then.
        """
        async with self.flush_lock:
            count: int = await database_sync_to_async(self.flush_now)()
            return count

    async def flushed(self) -> None:
        """Store what waits, however long the database is away."""
        async with self.flush_lock:
            await patient(self.flush_now)

    def flush_now(self) -> int:
        """Store what waits, from synchronous code outside of an event loop."""
        self.open()
        with self.db_lock:
            taken, upto = self._take()
            if not taken:
                return 0
            try:
                crash_points.reach("before_flush")
                self._store([one.record for one in taken])
            except BaseException:
                with self.write_lock:
                    self._waiting.extendleft(reversed(taken))
                raise
            crash_points.reach("after_commit")
            self._stored_upto(upto)
            self.stored += len(taken)
            return len(taken)

    def _take(self) -> tuple[list[_Waiting], int]:
        """Take all that waits, each with a line of the journal if the disk lets."""
        with self.write_lock:
            assert self._journal is not None
            fresh = [one.record for one in self._waiting if one.number is None]
            if fresh:
                try:
                    numbered = iter(self._append(fresh))
                    self._waiting = deque(
                        one if one.number is not None else next(numbered)
                        for one in self._waiting
                    )
                except JournalUnavailable as error:
                    log.error("only memory and database have what came: %s", error)
            taken = list(self._waiting)
            self._waiting.clear()
            return taken, self._journal.last

    def _store(self, records: list[Record]) -> None:
        """Store together; when one of them is at fault, each by itself."""
        try:
            self._write(records)
        except TRANSIENT:
            raise
        except Exception:
            log.exception("%d records are stored one by one", len(records))
            if len(records) == 1:
                self._refuse(records[0])
                return
            for record in records:
                self._store([record])

    def _refuse(self, record: Record) -> None:
        """Move a record out of the way that can never be stored."""
        self.refused += 1
        text = json.dumps(record.document())
        log.error("a record cannot be stored: %s", text)
        try:
            with (self._folder / "refused.log").open("a") as file:
                file.write(text + "\n")
        except OSError as error:
            log.error("only this log has it: %s", error)

    def _stored_upto(self, number: int) -> None:
        with self.write_lock:
            assert self._mark is not None
            assert self._journal is not None
            self._mark.move(number)
            if number - self._forgotten >= FORGET_EVERY:
                self._forgotten = number
                self._journal.forget(upto=number)

    async def run(self) -> None:
        """Store whatever comes, until cancelled; a database that is away is waited for."""
        self._loop = asyncio.get_running_loop()
        self._wanted.set()
        pause = FIRST_RETRY_SECONDS
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.flush()
                pause = FIRST_RETRY_SECONDS
            except DatabaseError as error:
                log.error("%d records wait for the database: %s", self.waiting, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_RETRY_SECONDS)
                self._wanted.set()

    def statistics(self) -> dict[str, int]:
        """Return how many records were stored, wait, and cannot be stored."""
        return {
            "stored": self.stored,
            "waiting": self.waiting,
            "refused": self.refused,
            "journal": self._journal.last if self._journal else 0,
        }
