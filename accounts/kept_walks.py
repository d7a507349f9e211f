"""Walks over all fills of an account, kept in this process until a fill is new.

Fills are only ever added, so that their number and the newest id tell whether anything
changed. Prices that fees were converted at may be repaired: such a walk is kept briefly.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

from accounts.domain.pnl import Funding
from accounts.domain.positions import Fill
from accounts.domain.round_trips import Ledger

# A fill with what belongs to it takes 1.2 kB: 120 MB at most.
MOST_FILLS = 100_000
# Of one account: up to now, and up to another moment that is looked at beside it.
MOST_OF_ONE = 2
CONVERTED_SECONDS = 60.0
Made = tuple[tuple[Fill, Decimal], ...]


@dataclass(frozen=True)
class Mark:
    """What a walk rests on; ``newest``: trade id and time of the fill of the highest id."""

    account: int
    since: int
    fills: int
    newest: tuple[int, int, int] | None
    funding: tuple[Funding, ...]


@dataclass(frozen=True)
class Walk:
    """``ledger`` None: the fills begin inside a position, as ``problem`` says."""

    made: Made
    ledger: Ledger | None
    fees: Ledger
    problem: str
    converted: bool


_kept: OrderedDict[Mark, tuple[Walk, float]] = OrderedDict()
_lock = Lock()


def find(mark: Mark) -> Walk | None:
    """Return the walk that rests on exactly this, None when there is none."""
    with _lock:
        found = _kept.get(mark)
        if found is None:
            return None
        walk, at = found
        if walk.converted and time.monotonic() - at > CONVERTED_SECONDS:
            del _kept[mark]
            return None
        _kept.move_to_end(mark)
        return walk


def keep(mark: Mark, walk: Walk) -> None:
    """Keep a walk; those that were not asked for longest go when they are many."""
    with _lock:
        _kept[mark] = walk, time.monotonic()
        _kept.move_to_end(mark)
        same = [one for one in _kept if one.account == mark.account]
        for one in same[:-MOST_OF_ONE]:
            del _kept[one]
        while sum(len(one.made) for one, _ in _kept.values()) > MOST_FILLS:
            _kept.popitem(last=False)
