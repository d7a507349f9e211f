"""Measured process of the store: 84,000 candles into an empty and into a full table."""

import time
from typing import Any

import django

from market.domain.types import Candle

VENUE = "simulator"
STEP_MS = 900_000
START_MS = 1_700_000_100_000
BATCH = 2_000


def candles(series: int, bars: int) -> list[Candle]:
    """Return closed candles of ``series`` symbols."""
    return [
        Candle(
            symbol=f"C{number:03d}USDT",
            interval="15m",
            open_time=START_MS + bar * STEP_MS,
            close_time=START_MS + (bar + 1) * STEP_MS - 1,
            open=25.0 + bar / 7,
            high=26.0 + bar / 7,
            low=24.0 + bar / 7,
            close=25.5 + bar / 7,
            volume=1800.5 + number,
            quote_volume=46_000.25 + number,
            trades=900 + bar,
            taker_base=900.25,
            taker_quote=23_000.125,
            closed=True,
            event_time=START_MS + (bar + 1) * STEP_MS,
        )
        for number in range(series)
        for bar in range(bars)
    ]


def main(*, who: str, series: int, bars: int, own_database: bool) -> dict[str, Any]:
    """Store everything twice and return seconds of the first and the second time.

    ``own_database``: make a database for this run on the given server and drop it.
    """
    django.setup()
    from django.db import connection

    made = "" if not own_database else _make_database()
    try:
        data = candles(series, bars)
        store = _product if who == "product" else _reference
        found = {
            "empty": _timed(store, data, full=False),
            "full": _timed(store, data, full=True),
            "rows": _count(),
        }
    finally:
        connection.close()
        if made:
            connection.creation.destroy_test_db(made, verbosity=0)
    if found["rows"] != len(data):
        raise ValueError(f"{found['rows']} rows stored of {len(data)}")
    return found


def _timed(store: Any, data: list[Candle], *, full: bool) -> float:
    before = time.perf_counter()
    store(data, full=full)
    return time.perf_counter() - before


def _product(data: list[Candle], *, full: bool) -> None:
    from market.services import CandleStore

    CandleStore(VENUE).store(data)


def _reference(data: list[Candle], *, full: bool) -> None:
    """The same with ``bulk_create``, building the model objects included."""
    from django.db import transaction

    from market import models

    with transaction.atomic():
        names = {candle.symbol for candle in data}
        if not full:
            models.Series.objects.bulk_create(
                models.Series(venue=VENUE, symbol=name, interval="15m")
                for name in sorted(names)
            )
        ids = dict(models.Series.objects.values_list("symbol", "id"))
        rows = [
            models.Candle(
                series_id=ids[candle.symbol],
                open_time=candle.open_time,
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                quote_volume=candle.quote_volume,
                trades=candle.trades,
                taker_base=candle.taker_base,
                taker_quote=candle.taker_quote,
            )
            for candle in data
        ]
        models.Candle.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=full)


def _count() -> int:
    from market import models

    return models.Candle.objects.count()


def _make_database() -> str:
    """Make a migrated database beside the given one and return the given one's name."""
    from django.db import connection

    given = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    return given
