"""Importing one file of candles: read, check, and store only when all of it is good."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from market import selectors
from market.domain.candles import INTERVAL_MS, bar_open
from market.history.columns import FileProblem
from market.history.findings import Findings
from market.history.formats import Source, read
from market.history.stamps import YearLast
from market.history.validation import Checked, Gap, check, with_volumes_put_right
from market.history_store import Stored, history_store

Pair = tuple[str, str]
# Show(what, done, planned); nothing is planned while a file is being read.
Show = Callable[[str, int, int], None]
SYMBOL_LENGTH = 64


class Refused(Exception):
    """The file breaks rules; nothing of it was stored."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(f"refused: {findings.total:,} broken rules, nothing stored")
        self.findings = findings


@dataclass(frozen=True)
class Wishes:
    """What is asked for besides the file; empty words are taken from its name."""

    venue: str
    symbol: str = ""
    interval: str = ""
    year_last: YearLast = YearLast.REFUSED
    replace: bool = False
    swap_volumes: bool = False


@dataclass
class Imported:
    """What was read of a file and what became of it, true at any moment."""

    pair: Pair = ("", "")
    read: int = 0
    checked: Checked | None = None
    notes: list[str] = field(default_factory=list)
    stored: Stored = field(default_factory=Stored)


def import_file(
    path: Path, wishes: Wishes, *, now_ms: int, show: Show, result: Imported
) -> None:
    """Import one file into ``result``.

    Raises ``Refused``, ``FileProblem`` and ``OSError`` before anything is stored, and
    ``django.db.Error``.
    """
    result.pair = symbol, interval = _pair(path, wishes)
    content = read(
        Source(path, symbol, wishes.year_last), lambda rows: show("read", rows, 0)
    )
    result.read = len(content.bars)
    result.notes += content.notes
    checked = check(content.bars, content.findings, interval=interval, now_ms=now_ms)
    if checked.findings.total:
        raise Refused(checked.findings)
    if not len(checked.bars):
        raise FileProblem("the file holds no closed bar")
    if wishes.swap_volumes:
        _swap_volumes(checked)
    result.notes += checked.notes
    result.checked = checked
    planned = len(checked.bars)
    history_store(
        venue=wishes.venue,
        pair=result.pair,
        bars=checked.bars,
        replace=wishes.replace,
        show=lambda done: show("stored", done, planned),
        result=result.stored,
    )


def _swap_volumes(checked: Checked) -> None:
    checked.bars, count = with_volumes_put_right(checked.bars)
    checked.notes = [n for n in checked.notes if "--swap-volumes" not in n]
    checked.notes.append(f"volume and quote_volume exchanged in {count:,} bars")


def _pair(path: Path, wishes: Wishes) -> Pair:
    """Return (symbol, interval): what is asked for, else the name's of a dump."""
    named = None
    if not (wishes.symbol and wishes.interval):
        named = Source(path).series()
    symbol = wishes.symbol or (named[0] if named else "")
    interval = wishes.interval or (named[1] if named else "")
    lacking = [n for n, v in (("--symbol", symbol), ("--interval", interval)) if not v]
    if lacking:
        raise FileProblem(
            f"say {' and '.join(lacking)}: the name is not that of a Binance dump "
            "(SYMBOL-INTERVAL-YYYY-MM)"
        )
    return checked_pair(symbol, interval)


def checked_pair(symbol: str, interval: str) -> Pair:
    """Return a series' name as it is stored; raises ``FileProblem``."""
    name = symbol.upper()
    if not name.replace("_", "").isalnum() or len(name) > SYMBOL_LENGTH:
        raise FileProblem(f"symbol {symbol!r}: letters, digits and _ only")
    if interval not in INTERVAL_MS:
        raise FileProblem(f"interval {interval!r}: one of {', '.join(INTERVAL_MS)}")
    return name, interval


def hole_after(*, venue: str, pair: Pair, last: int, now_ms: int) -> Gap | None:
    """Return the missing bars between an imported block and what follows it.

    That is the next stored bar, or now where the feed follows the symbol; else None.
    """
    symbol, interval = pair
    length = INTERVAL_MS[interval]
    _, after = selectors.open_times_around(
        venue=venue, symbol=symbol, interval=interval, first=last, last=last
    )
    if after is None:
        if not selectors.is_followed(venue=venue, symbol=symbol):
            return None
        after = bar_open(now_ms, interval)
    bars = (after - last) // length - 1
    return Gap(last + length, after - length, bars) if bars > 0 else None


def days_back(time_ms: int, now_ms: int) -> int:
    """Return how many days back from now a back-fill must begin to reach a time."""
    return -((time_ms - now_ms) // selectors.DAY_MS)
