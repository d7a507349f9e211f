"""Whether anything was lost: what is stored and was seen against the exchange's truth.

The comparisons are pure; ``bars_stored`` and ``gap_rows`` read the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count

from market import selectors
from market.models import Candle

Bar = tuple[float, ...]
Bars = Mapping[int, Bar]
Trade = tuple[float, float, bool]
VALUES = (
    *("open", "high", "low", "close", "volume"),
    *("quote_volume", "trades", "taker_base", "taker_quote"),
)
EXAMPLES = 20
ALL_ROWS = 1_000_000


@dataclass
class Verdict:
    """Counts of what was checked and of what was found wrong."""

    series: int = 0
    bars: int = 0
    missing: int = 0
    wrong: int = 0
    duplicates: int = 0
    invented: int = 0
    trades: int = 0
    trades_missing: int = 0
    trades_wrong: int = 0
    gaps_filled: int = 0
    gaps_unfillable: int = 0
    gaps_open: int = 0
    gaps_without_reason: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def lost(self) -> bool:
        """Whether anything is missing, wrong, twice or unsettled."""
        return any(
            (
                *(self.missing, self.wrong, self.duplicates, self.invented),
                *(self.trades_missing, self.trades_wrong),
                *(self.gaps_open, self.gaps_without_reason),
            )
        )

    def note(self, text: str) -> None:
        """Keep an example of what is wrong."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {**asdict(self), "lost": self.lost}


def check_bars(
    verdict: Verdict,
    name: str,
    stored: Bars,
    truth: Bars,
    wanted: Iterable[int],
) -> None:
    """Each wanted bar is stored, and each stored one has the exchange's values."""
    verdict.series += 1
    for at in wanted:
        verdict.bars += 1
        if at not in stored:
            verdict.missing += 1
            verdict.note(f"missing: {name} {at}")
    for at, values in stored.items():
        true = truth.get(at)
        if true is None:
            verdict.invented += 1
            verdict.note(f"not of the exchange: {name} {at}")
        elif tuple(values) != tuple(true):
            verdict.wrong += 1
            told = zip(VALUES, values, true, strict=True)
            parts = [f"{what} {a!r} for {b!r}" for what, a, b in told if a != b]
            verdict.note(f"wrong: {name} {at}: {', '.join(parts)}")


def check_gaps(verdict: Verdict, rows: Iterable[Mapping[str, Any]]) -> None:
    """Every row of the ledger is closed, and an unfillable one says why."""
    for row in rows:
        name = f"{row['kind']} {row['symbol']} {row['interval']} {row['first']}"
        if row["state"] == "open":
            verdict.gaps_open += 1
            verdict.note(f"gap still open: {name}")
        elif row["state"] == "filled":
            verdict.gaps_filled += 1
        else:
            verdict.gaps_unfillable += 1
            if not row["note"]:
                verdict.gaps_without_reason += 1
                verdict.note(f"unfillable without a reason: {name}")


def check_trades(
    verdict: Verdict,
    symbol: str,
    seen: Mapping[int, Trade],
    truth: Mapping[int, Trade],
    accounted: Sequence[tuple[int, int]],
) -> None:
    """No id is missing between the first and the last one that was seen in a run.

    ``accounted`` are ids of the ledger's rows: fetched later than a browser looks,
    or known to be lost.
    """
    if not seen:
        return
    for number in range(min(seen), max(seen) + 1):
        if number in seen:
            verdict.trades += 1
            if seen[number] != truth.get(number):
                verdict.trades_wrong += 1
                verdict.note(f"wrong: {symbol} trade {number}: {seen[number]}")
        elif not any(first <= number <= last for first, last in accounted):
            verdict.trades_missing += 1
            verdict.note(f"missing: {symbol} trade {number}")


def bars_stored(venue: str, symbol: str, interval: str) -> dict[int, Bar]:
    """Return every stored bar of a series by open time."""
    rows = Candle.objects.filter(
        series__venue=venue, series__symbol=symbol, series__interval=interval
    )
    return {
        row[0]: tuple(map(float, row[1:]))
        for row in rows.values_list("open_time", *VALUES)
    }


def bars_twice(venue: str) -> int:
    """Return how many stored bars there are beyond one of each."""
    rows = (
        Candle.objects.filter(series__venue=venue)
        .values("series__symbol", "series__interval", "open_time")
        .annotate(times=Count("*"))
        .filter(times__gt=1)
    )
    return sum(row["times"] - 1 for row in rows)


def gap_rows(venue: str) -> list[dict[str, Any]]:
    """Return the whole ledger, oldest first."""
    return selectors.gaps(venue=venue, limit=ALL_ROWS)[::-1]
