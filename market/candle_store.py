"""Bulk storage of closed candles without the ORM.

``bulk_create`` spends over 80 % of its time building objects; a raw upsert takes
0.09 of its time on SQLite, COPY into a temporary table and one upsert 0.3 on
PostgreSQL (docs/benchmarks.md).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction

COLUMNS = (
    "series_id",
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trades",
    "taker_base",
    "taker_quote",
)
Row = tuple[int, int, float, float, float, float, float, float, int, float, float]

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_NEW = ", ".join(f'"{name}" = excluded."{name}"' for name in COLUMNS[2:])
_UPSERT = f'ON CONFLICT ("series_id", "open_time") DO UPDATE SET {_NEW}'
_TYPES = ("int8", "int8", *["float8"] * 6, "int4", "float8", "float8")


def upsert(rows: Iterable[Row]) -> int:
    """Insert the rows or replace those with the same series and open time.

    One transaction: all rows are stored or none; of equal keys the last one counts.
    Returns the number of rows stored. Raises ``django.db.Error``.
    """
    unique = {row[:2]: row for row in rows}
    if not unique:
        return 0
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _copy(unique.values())
        else:
            _execute_many(list(unique.values()))
    return len(unique)


def _execute_many(rows: Sequence[Row]) -> None:
    places = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO market_candle ({_NAMES}) VALUES ({places}) {_UPSERT}", rows
        )


def _copy(rows: Iterable[Row]) -> None:
    # The driver is used directly; its errors must still be Django's for callers.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        driver: Any = cursor.cursor
        driver.execute("CREATE TEMP TABLE candle_load (LIKE market_candle)")
        with driver.copy(
            f"COPY candle_load ({_NAMES}) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                copy.write_row(row)
        driver.execute(
            f"INSERT INTO market_candle ({_NAMES}) SELECT {_NAMES} FROM candle_load "
            f"{_UPSERT}"
        )
        driver.execute("DROP TABLE candle_load")
