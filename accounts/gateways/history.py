"""What an account did since a moment, over as many pages as it takes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from market.binance.private_rest import PAGE, PrivateRest
from market.binance.private_schemas import IncomeBody, TradeBody

# The exchange answers for at most seven days at once.
WINDOW_MS = 7 * 86_400_000 - 1
# And tells nothing of what is older than three months.
TOLD_MS = 92 * 86_400_000
Row = TypeVar("Row", TradeBody, IncomeBody)


async def all_fills(
    private: PrivateRest, symbol: str, since_ms: int, order_id: int | None = None
) -> list[TradeBody]:
    """Return the executions of a symbol, or of one order, oldest first, each once."""
    found: dict[int, TradeBody] = {}
    now = private.now_ms()
    start = max(since_ms, now - TOLD_MS)
    while start <= now:
        end = min(start + WINDOW_MS, now)

        async def page(begin: int, end: int = end) -> tuple[TradeBody, ...]:
            return await private.trades(symbol, start=begin, end=end, order_id=order_id)

        for row in await _pages(page, start, lambda each: each.id):
            found[row.id] = row
        start = end + 1
    return sorted(found.values(), key=lambda row: (row.time, row.id))


async def all_incomes(private: PrivateRest, since_ms: int) -> list[IncomeBody]:
    """Return what came and went, oldest first, each once."""

    async def page(begin: int) -> tuple[IncomeBody, ...]:
        return await private.incomes(start=begin)

    start = max(since_ms, private.now_ms() - TOLD_MS)
    return await _pages(
        page, start, lambda row: (row.income_type, str(row.tran_id), row.asset)
    )


async def _pages(
    page: Callable[[int], Awaitable[tuple[Row, ...]]],
    start: int,
    key: Callable[[Row], object],
) -> list[Row]:
    """Ask again from the last row's time until a page is not full.

    Rows of that time come twice. Should they fill a whole page, the next one begins
    a millisecond later.
    """
    found: dict[object, Row] = {}
    while True:
        rows = await page(start)
        before = len(found)
        found.update((key(row), row) for row in rows)
        if len(rows) < PAGE:
            return list(found.values())
        newest = max(row.time for row in rows)
        start = newest if len(found) > before and newest > start else newest + 1
