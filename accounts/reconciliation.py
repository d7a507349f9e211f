"""Compares an account with its exchange, stores what differed, and mends it."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from channels.db import database_sync_to_async
from django.db.models import Max, Q

from accounts.domain.comparison import (
    Difference,
    Held,
    Ours,
    Wallet,
    differences,
    fill_difference,
    missing,
    order_difference,
    traded_symbols,
)
from accounts.domain.exchange import (
    AccountPicture,
    FillNews,
    IncomeNews,
    OrderNews,
    OrderRef,
)
from accounts.domain.order_life import OPEN, OrderFacts
from accounts.domain.positions import PositionSide
from accounts.domain.rules import ZERO
from accounts.gateway import Gateway
from accounts.journal_records import Body, Compared, Record
from accounts.models import (
    Balance,
    ExchangeAccount,
    Fill,
    Income,
    Order,
    Position,
    Reconciliation,
)
from accounts.models.exchange_accounts import PositionMode
from accounts.order_store import facts_of
from accounts.recorder import EnhancedTradeRecorder
from core.clock import Clock

log = logging.getLogger(__name__)

# Executions are fetched from so long before the last comparison.
OVERLAP_MS = 60_000
ASKED_AT_ONCE = 5
LOOK_BACK_MS = 86_400_000


@dataclass(frozen=True)
class _Since:
    """From when on executions and payments are fetched."""

    fills: int
    incomes: int


async def compare(
    account: int,
    gateway: Gateway,
    recorder: EnhancedTradeRecorder,
    *,
    cause: str,
    clock: Clock,
) -> Compared:
    """Compare once and mend; raises ``GatewayUnavailable``, ``GatewayRefused``."""
    begun = clock.monotonic()
    picture = await gateway.picture()
    # Ours is read after theirs: whatever is newer than the picture is left alone.
    await recorder.flush()
    ours, since = await database_sync_to_async(_ours)(account, picture)
    found = differences(ours, picture)
    gone = await _ask_for(missing(ours, picture), gateway)
    found += [one for one in gone if one is not None]
    incomes = await gateway.incomes(since_ms=since.incomes)
    fills = await _fills(traded_symbols(ours, found, incomes), gateway, since.fills)
    fresh = await database_sync_to_async(_fresh)(account, fills)
    found += [fill_difference(fill) for fill in fresh]
    told = Compared(
        at=picture.at,
        cause=cause,
        seconds=round(clock.monotonic() - begun, 3),
        differences=tuple(one.told() for one in found),
        problem="; ".join(picture.problems)[:300],
    )
    bodies = [*_bodies(picture, found, incomes, fresh), told]
    recorder.put(Record(account, body) for body in bodies)
    await recorder.flush()
    log.info(
        "%s: compared with the exchange (%s): %d differences in %.1f s",
        gateway.account,
        cause,
        len(found),
        told.seconds,
    )
    return told


def _bodies(
    picture: AccountPicture,
    found: Iterable[Difference],
    incomes: Iterable[IncomeNews],
    fills: Iterable[FillNews],
) -> list[Body]:
    """Return everything that is to be stored; the picture itself too, for leverage,
    liquidation prices and what is free.
    """
    mending: list[Body] = [one.mending for one in found if one.mending is not None]
    return [*picture.positions, *picture.balances, *mending, *fills, *incomes]


async def _ask_for(
    orders: Iterable[OrderFacts], gateway: Gateway
) -> list[Difference | None]:
    """Ask for orders that are not open there any more."""
    limit = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(known: OrderFacts) -> Difference | None:
        ref = OrderRef(
            known.symbol,
            known.client_id.partition("#")[0],
            known.exchange_id,
            known.algo,
            known.algo_id,
        )
        async with limit:
            news = await gateway.query(ref)
        return _gone(known) if news is None else order_difference(known, news)

    return list(await asyncio.gather(*(ask(one) for one in orders)))


def _gone(known: OrderFacts) -> Difference:
    """An order so old that the exchange has forgotten it; it is open no more."""
    news = OrderNews(
        ref=OrderRef(known.symbol, known.client_id, known.exchange_id, known.algo),
        status="expired",
        side=known.side,
        order_type=known.order_type,
        quantity=known.quantity,
        filled=known.filled,
        average_price=known.average_price,
        at=known.event_at,
        reason="the exchange does not know it any more",
    )
    return Difference("order", known.symbol, known.state, "unknown", news)


async def _fills(
    symbols: Iterable[str], gateway: Gateway, since_ms: int
) -> list[FillNews]:
    found: list[FillNews] = []
    for symbol in sorted(symbols):
        found += await gateway.fills(symbol, since_ms=since_ms)
    return found


def _fresh(account: int, fills: Iterable[FillNews]) -> list[FillNews]:
    """Return the executions that are not stored."""
    told = {(one.symbol, one.trade_id): one for one in fills}
    if not told:
        return []
    known = set(
        Fill.objects.filter(
            account_id=account, trade_id__in={key[1] for key in told}
        ).values_list("symbol", "trade_id")
    )
    return [one for key, one in told.items() if key not in known]


def _ours(account: int, picture: AccountPicture) -> tuple[Ours, _Since]:
    row = ExchangeAccount.objects.get(id=account)
    names = {news.ref.client_id for news in picture.orders}
    numbers = {n for news in picture.orders if (n := news.ref.exchange_id) is not None}
    orders = Order.objects.filter(
        Q(state__in=OPEN) | Q(client_id__in=names) | Q(exchange_id__in=numbers),
        account=row,
    )
    newest = Reconciliation.objects.filter(account=row, problem="").first()
    since = (newest.at if newest else row.created_at) - OVERLAP_MS
    ours = Ours(
        orders=tuple(facts_of(one) for one in orders),
        positions=tuple(
            Held(one.symbol, cast(PositionSide, one.side), one.quantity, one.event_at)
            for one in Position.objects.filter(account=row)
        ),
        balances=tuple(
            Wallet(one.asset, one.wallet, one.event_at)
            for one in Balance.objects.filter(account=row)
        ),
        hedge=row.position_mode == PositionMode.HEDGE.value,
        unfilled=_unfilled(row, picture.at - LOOK_BACK_MS),
    )
    incomes = Income.objects.filter(account=row).aggregate(newest=Max("at"))["newest"]
    return ours, _Since(since, incomes or row.created_at)


def _unfilled(account: ExchangeAccount, since_ms: int) -> frozenset[str]:
    """Return symbols of recent orders whose executions are not all stored."""
    orders = Order.objects.filter(account=account, event_at__gte=since_ms)
    filled = {
        number: (symbol, quantity)
        for number, symbol, quantity in orders.values_list("id", "symbol", "filled")
        if quantity
    }
    stored: dict[int, Decimal] = {}
    fills = Fill.objects.filter(order_id__in=filled)
    for number, quantity in fills.values_list("order_id", "quantity"):
        assert number is not None
        stored[number] = stored.get(number, ZERO) + quantity
    return frozenset(
        symbol
        for number, (symbol, quantity) in filled.items()
        if stored.get(number, ZERO) < quantity
    )
