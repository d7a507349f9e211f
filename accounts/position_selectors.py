"""What is held: by account, merged over accounts, valued by three prices.

Rows come from the exchange (its pictures and its events); profit is computed from each
source's price and stands beside what the exchange itself tells.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

from django.db.models import QuerySet

from accounts.domain import pnl, positions
from accounts.domain.pnl import Tolerance, Valuation
from accounts.domain.positions import Held, Merged, PositionSide
from accounts.domain.rules import ZERO
from accounts.messages import Told, account_badge, money
from accounts.models import ExchangeAccount, Position, Reconciliation
from accounts.price_selectors import Market, Prices, market, source_health

TOLERANCE = Tolerance()


def position_rows(
    *, venue: str, account: str = "", group: str = "", symbol: str = ""
) -> QuerySet[Position]:
    """Return rows of positions that are not flat, with account and group."""
    rows = Position.objects.select_related("account", "account__group").filter(
        account__venue=venue
    )
    if account:
        rows = rows.filter(account__name=account)
    if group:
        rows = rows.filter(account__group__name=group)
    if symbol:
        rows = rows.filter(symbol=symbol)
    # Quantities are exact text on SQLite and numeric on PostgreSQL; "0" fits both.
    return rows.exclude(quantity=ZERO)


def held_of(row: Position) -> Held:
    """Return a row as the rules see it; its cost is the exchange's entry times it."""
    side = cast(PositionSide, row.side)
    position = positions.Position(
        row.symbol, side, row.quantity, row.entry * row.quantity
    )
    return Held(row.account.name, position, row.exchange_profit)


def merged_positions(
    *, venue: str, account: str = "", group: str = "", symbol: str = ""
) -> Told:
    """Return positions over all accounts, each with its parts, and how good the prices
    are that they are valued by.
    """
    rows = list(position_rows(venue=venue, account=account, group=group, symbol=symbol))
    prices = market(venue)
    by_part = {(row.account.name, row.symbol, row.side): row for row in rows}
    found = [
        _merged_told(one, by_part, prices)
        for one in positions.merge(held_of(row) for row in rows)
    ]
    return {
        "venue": venue,
        "at": prices.now_ms,
        "positions": found,
        "totals": _totals(found),
        "sources": source_health(prices, (one["symbol"] for one in found), TOLERANCE),
        "tolerance": {
            "age_seconds": TOLERANCE.age_seconds,
            "spread": money(TOLERANCE.spread),
        },
        "prices_problem": prices.problem,
    }


def _merged_told(
    one: Merged, rows: dict[tuple[str, str, str], Position], prices: Market
) -> Told:
    known = prices.of(one.symbol)
    whole = positions.Position(
        one.symbol,
        quantity=one.net,
        cost=sum((held.position.cost for held in one.parts), ZERO),
    )
    told = _together(held.exchange_profit for held in one.parts)
    valuation = pnl.value(whole, known, now_ms=prices.now_ms, exchange_profit=told)
    price = _price(valuation)
    own = [rows[held.account, one.symbol, held.position.side] for held in one.parts]
    return {
        "symbol": one.symbol,
        "net": money(one.net),
        "gross": money(one.gross),
        "long": money(one.long),
        "short": money(one.short),
        "long_entry": money(one.long_entry),
        "short_entry": money(one.short_entry),
        "cost": money(whole.cost),
        "hedged": one.hedged,
        "accounts": len({held.account for held in one.parts}),
        "notional": money(None if price is None else abs(one.net) * price),
        "gross_notional": money(None if price is None else one.gross * price),
        "valuation": valuation_told(valuation),
        # Of the oldest part.
        "exchange_at": min(row.event_at for row in own),
        "parts": [
            _part_told(row, held, prices, known)
            for row, held in zip(own, one.parts, strict=True)
        ],
    }


def _part_told(row: Position, held: Held, prices: Market, known: Prices) -> Told:
    account = row.account
    valuation = pnl.value(
        held.position,
        known,
        now_ms=prices.now_ms,
        exchange_profit=held.exchange_profit,
    )
    return {
        "account": account.name,
        "badge": account_badge(account),
        "mode": account.mode,
        "group": account.group.name if account.group else None,
        "side": row.side,
        "quantity": money(row.quantity),
        "entry": money(row.entry),
        "cost": money(held.position.cost),
        "leverage": row.leverage,
        "margin_type": row.margin_type,
        "isolated_margin": money(row.isolated_margin),
        "liquidation_price": money(row.liquidation_price or None),
        "event_at": row.event_at,
        "updated_at": row.updated_at,
        "valuation": valuation_told(valuation),
    }


def valuation_told(valuation: Valuation) -> Told:
    """Tell all sources side by side."""
    return {
        "source": valuation.source,
        "profit": money(valuation.profit),
        "exchange_profit": money(valuation.exchange_profit),
        "spread": money(valuation.spread),
        "consistent": valuation.consistent,
        "problems": list(valuation.problems),
        "readings": [
            {
                "source": one.source,
                "price": money(one.price),
                "age_seconds": round(one.age_seconds, 3),
                "fresh": one.fresh,
                "profit": money(one.profit),
            }
            for one in valuation.readings
        ],
    }


def _price(valuation: Valuation) -> Decimal | None:
    return next(
        (one.price for one in valuation.readings if one.source == valuation.source),
        None,
    )


def _together(profits: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum; None when one of them is not known."""
    found = list(profits)
    known = [one for one in found if one is not None]
    return sum(known, ZERO) if len(known) == len(found) else None


def _totals(found: Sequence[Told]) -> Told:
    """Add up; ``exchange_told`` counts the parts whose profit the exchange tells, and
    ``exchange_profit`` is the sum of those.
    """

    def total(read: Any) -> str | None:
        return money(
            _together(None if (v := read(one)) is None else Decimal(v) for one in found)
        )

    profits = (
        part["valuation"]["exchange_profit"] for one in found for part in one["parts"]
    )
    told = [Decimal(profit) for profit in profits if profit is not None]
    return {
        "symbols": len(found),
        "parts": sum(len(one["parts"]) for one in found),
        "profit": total(lambda one: one["valuation"]["profit"]),
        "exchange_profit": money(sum(told, ZERO) if told else None),
        "exchange_told": len(told),
        "notional": total(lambda one: one["notional"]),
        "gross_notional": total(lambda one: one["gross_notional"]),
        "inconsistent": sum(not one["valuation"]["consistent"] for one in found),
    }


def open_profit(rows: Iterable[Position], prices: Market) -> Decimal | None:
    """Return the profit of positions by their best fresh price.

    None when one of them has no fresh price.
    """
    total = ZERO
    for row in rows:
        valuation = pnl.value(
            held_of(row).position, prices.of(row.symbol), now_ms=prices.now_ms
        )
        if valuation.profit is None or not any(
            one.fresh and one.source == valuation.source for one in valuation.readings
        ):
            return None
        total += valuation.profit
    return total


def newest_reconciliations(accounts: Iterable[ExchangeAccount]) -> list[Told]:
    """Return the last comparison of each account with its exchange, by name."""
    found = []
    for account in accounts:
        row = Reconciliation.objects.filter(account=account).first()
        if row is not None:
            found.append(reconciliation_told(account.name, row))
    return found


def reconciliation_told(name: str, row: Reconciliation) -> Told:
    """Tell of one comparison."""
    return {
        "account": name,
        "at": row.at,
        "cause": row.cause,
        "seconds": row.seconds,
        "differences": row.differences,
        "problem": row.problem,
    }
