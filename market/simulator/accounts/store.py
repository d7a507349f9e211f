"""The accounts on disk: an SQLite file that has what was answered, also after a kill."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from market.simulator.accounts.records import (
    Account,
    Algo,
    Holding,
    IncomeRow,
    Order,
    Row,
    TradeRow,
)

KINDS: dict[str, type[Row]] = {
    one.__name__: one for one in (Order, Algo, TradeRow, IncomeRow)
}
# Fields of an account that are rows of their own.
_ROWS = ("orders", "algos", "trades", "incomes", "unsaved")
_TABLES = """
CREATE TABLE IF NOT EXISTS counted (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS account (key TEXT PRIMARY KEY, head BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS row (
    account TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (account, kind, number)
) WITHOUT ROWID;
"""


class Store:
    """``file`` None keeps nothing. One process at a time writes."""

    def __init__(self, file: Path | None) -> None:
        self.accounts: dict[str, Account] = {}
        self.counted: Counter[str] = Counter()
        self._database: sqlite3.Connection | None = None
        if file is not None:
            self._database = _opened(file)
            self._read(self._database)

    def save(self, changed: Iterable[Account]) -> None:
        """Write these accounts with their rows, whole or not at all."""
        database = self._database
        if database is None:
            for account in changed:
                account.unsaved.clear()
            return
        with database:
            for account in changed:
                self._write(database, account)
            database.executemany(
                "REPLACE INTO counted VALUES (?, ?)", self.counted.items()
            )

    def forget(self, key: str) -> None:
        """Drop an account with all its rows."""
        self.accounts.pop(key, None)
        if self._database is not None:
            with self._database as database:
                database.execute("DELETE FROM row WHERE account = ?", (key,))
                database.execute("DELETE FROM account WHERE key = ?", (key,))

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _write(self, database: sqlite3.Connection, account: Account) -> None:
        rows = [
            (account.key, kind, number, orjson.dumps(row, default=str))
            for (kind, number), row in account.unsaved.items()
        ]
        database.execute(
            "REPLACE INTO account VALUES (?, ?)", (account.key, head(account))
        )
        database.executemany("REPLACE INTO row VALUES (?, ?, ?, ?)", rows)
        account.unsaved.clear()

    def _read(self, database: sqlite3.Connection) -> None:
        self.counted.update(dict(database.execute("SELECT kind, last FROM counted")))
        for (text,) in database.execute("SELECT head FROM account"):
            account = account_of(text)
            self.accounts[account.key] = account
        found = database.execute("SELECT account, kind, body FROM row ORDER BY number")
        for key, kind, text in found:
            self.accounts[key].take(_record(KINDS[kind], orjson.loads(text)))


def head(account: Account) -> bytes:
    """JSON of all but the rows; Decimals as text."""
    kept = [
        one.name
        for one in fields(account)
        if one.name not in _ROWS and not one.name.startswith("_")
    ]
    return orjson.dumps({name: getattr(account, name) for name in kept}, default=str)


def account_of(text: bytes) -> Account:
    """The account of a ``head``, without rows."""
    given = orjson.loads(text)
    given["holdings"] = {
        name: _record(Holding, one) for name, one in given["holdings"].items()
    }
    account: Account = _record(Account, given)
    return account


def _record(kind: Any, raw: dict[str, Any]) -> Any:
    exact = {one.name for one in fields(kind) if one.type in (Decimal, "Decimal")}
    return kind(**{name: Decimal(v) if name in exact else v for name, v in raw.items()})


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    # It holds secrets; SQLite gives its side files the mode of the database.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(file, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    # A commit is in the system's hands, which a kill of this process does not undo.
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(_TABLES)
    return database
