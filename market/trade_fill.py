"""Watched trades that the streams did not bring are fetched by id from REST."""

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from market.binance.rest import BinanceRestClient, RestError, RestRefused
from market.binance.rest_schemas import BadBody, parse_agg_trades
from market.domain.types import Trade

log = logging.getLogger(__name__)

PAGE = 1000
UNKNOWN_SYMBOL = -1121
# A hole of a long outage would cost more weight than a page's tape is worth.
MAX_PAGES = 10

UNFOLLOWED = "nobody follows these trades any more"

Hole = tuple[str, int, int]


class TradeLedger(Protocol):
    """Who is told of missing trades."""

    async def trades_opened(self, holes: list[Hole], cause: str) -> None:
        """These ids are missing and will be fetched."""

    async def trades_settled(self, hole: Hole, found: int, note: str) -> None:
        """The hole was fetched; ``found`` ids of it are there now."""


class TradeFill:
    """Closes the holes of the watched symbols' tapes.

    A hole is fetched when it was there at two looks, so that trades which only
    overtook each other on two connections are left alone. ``covers`` says whether the
    tape that holds these ids is still there.
    """

    def __init__(
        self,
        rest: BinanceRestClient,
        ledger: TradeLedger,
        *,
        holes: Callable[[], Iterator[Hole]],
        apply: Callable[[Trade], None],
        give_up: Callable[[Hole], None],
        covers: Callable[[Hole], bool],
    ) -> None:
        self._rest = rest
        self._ledger = ledger
        self._holes = holes
        self._apply = apply
        self._give_up = give_up
        self._covers = covers
        self._seen: set[Hole] = set()
        self._told: set[Hole] = set()
        self.filled = 0

    async def step(self, cause: str) -> int:
        """Fetch what is missing since the last look; returns how many trades came.

        Raises ``RestError`` when the exchange does not answer; the hole stays.
        """
        holes = list(self._holes())
        await self._settle_what_came(holes)
        standing = [hole for hole in holes if hole in self._seen]
        self._seen = set(holes)
        if not standing:
            return 0
        await self._ledger.trades_opened(standing, cause)
        self._told.update(standing)
        return sum([await self._fill(hole) for hole in standing])

    async def _fill(self, hole: Hole) -> int:
        symbol, first, last = hole
        found = 0
        start = first
        for _ in range(MAX_PAGES):
            try:
                trades = await self._fetch(symbol, start, min(PAGE, last - start + 1))
            except RestRefused as error:
                # One symbol that is gone must not keep the others waiting for ever.
                if error.code != UNKNOWN_SYMBOL:
                    raise
                trades = ()
            wanted = [trade for trade in trades if first <= trade.id <= last]
            for trade in wanted:
                self._apply(trade)
            found += len(wanted)
            start = trades[-1].id + 1 if trades else last + 1
            if start > last:
                break
        lacking = last - first + 1 - found
        note = "" if lacking == 0 else f"{lacking} ids could not be had again"
        if lacking:
            log.warning("trades %d–%d of %s: %s", first, last, symbol, note)
            self._give_up(hole)
        self.filled += found
        await self._ledger.trades_settled(hole, found, note)
        self._told.discard(hole)
        return found

    async def _settle_what_came(self, holes: list[Hole]) -> None:
        """Close rows whose trades came late by a stream, or that nobody follows now."""
        for hole in [each for each in self._told if not _meets(each, holes)]:
            came = self._covers(hole)
            found = hole[2] - hole[1] + 1 if came else 0
            await self._ledger.trades_settled(hole, found, "" if came else UNFOLLOWED)
            self._told.discard(hole)

    async def _fetch(self, symbol: str, start: int, limit: int) -> tuple[Trade, ...]:
        raw = await self._rest.get_raw(
            "/fapi/v1/aggTrades", weight=20, symbol=symbol, fromId=start, limit=limit
        )
        trades = parse_agg_trades(raw, symbol=symbol)
        if isinstance(trades, BadBody):
            raise RestError(f"trades of {symbol}: {trades.reason}")
        return trades


def _meets(hole: Hole, holes: list[Hole]) -> bool:
    """Whether any id of the hole is still missing."""
    symbol, first, last = hole
    return any(
        name == symbol and low <= last and high >= first for name, low, high in holes
    )
