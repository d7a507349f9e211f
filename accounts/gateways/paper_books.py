"""A paper account on disk: what is decided is journalled, then applied, then told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from accounts.domain.exchange import AccountEvent
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_records import AnyRecord, Kept, from_document, to_document
from accounts.domain.paper_terms import Refusal
from accounts.journal import Journal, JournalUnavailable

# After so many records the account is kept as one, and the older ones go.
RECORDS_KEPT = 5_000
KEPT = "kept"

Decided = list[AnyRecord] | Refusal
Decide = Callable[[], Decided]


class PaperBooks:
    """``account`` is what the journal says; changed by ``commit`` alone."""

    def __init__(self, folder: Path, hear: Callable[[AccountEvent], None]) -> None:
        self.account = PaperAccount()
        self._folder = folder
        self._hear = hear
        self._journal: Journal | None = None
        self._records = 0
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[list[AccountEvent] | Refusal]] = set()

    async def open(self) -> None:
        """Read the account; raises ``NameTaken``, ``JournalDamaged``."""
        if self._journal is None:
            self._journal = await asyncio.to_thread(self._replayed)

    def _replayed(self) -> Journal:
        journal = Journal(self._folder)
        try:
            # Records before the whole account may have been forgotten in part.
            records: list[AnyRecord] = []
            for _, document in journal.replay():
                if document["r"] == KEPT:
                    records.clear()
                records.append(from_document(document))
            for record in records:
                self.account.apply(record)
            self._records = len(records)
        except BaseException:
            journal.close()
            raise
        return journal

    async def close(self) -> None:
        """Close the journal once what is being written is written."""
        async with self._lock:
            journal, self._journal = self._journal, None
            if journal is not None:
                journal.close()

    async def commit(self, decide: Decide) -> list[AccountEvent] | Refusal:
        """Decide on the account as it is then, keep that, apply it and tell of it.

        Raises ``JournalUnavailable``: nothing happened. A caller that is cancelled
        leaves the rest to be done.
        """
        task = asyncio.create_task(self._committed(decide))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _committed(self, decide: Decide) -> list[AccountEvent] | Refusal:
        async with self._lock:
            decided = decide()
            if isinstance(decided, Refusal) or not decided:
                return decided if isinstance(decided, Refusal) else []
            if self._journal is None:
                raise JournalUnavailable("the paper account is closed")
            documents = [to_document(each) for each in decided]
            await asyncio.to_thread(self._journal.append, *documents)
            self._records += len(documents)
            told = [event for each in decided for event in self.account.apply(each)]
        for event in told:
            self._hear(event)
        return told

    async def shorten(self, at: int) -> None:
        """Keep the account as one record once many have added up to it."""
        if self._records < RECORDS_KEPT:
            return
        await self.commit(lambda: [Kept(at, self.account.state)])
        async with self._lock:
            if self._journal is not None:
                upto = self._journal.last - 1
                await asyncio.to_thread(self._journal.forget, upto=upto)
        self._records = 0
