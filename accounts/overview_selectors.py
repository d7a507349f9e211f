"""Accounts as cards: what each is, holds and is worth, and whether it can be believed."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from accounts import equity_selectors, position_selectors
from accounts.domain.rules import ZERO
from accounts.equity_selectors import Worth
from accounts.messages import Told, decision, money
from accounts.models import (
    AccountGroup,
    ExchangeAccount,
    Order,
    Position,
    Reconciliation,
)
from accounts.order_selectors import FINAL
from accounts.price_selectors import market


def accounts(
    *, venue: str, account: str = "", group: str = ""
) -> QuerySet[ExchangeAccount]:
    """Return accounts of a venue with their groups, by name."""
    rows = ExchangeAccount.objects.filter(venue=venue).select_related("group")
    if account:
        rows = rows.filter(name=account)
    if group:
        rows = rows.filter(group__name=group)
    return rows


def overview(*, venue: str) -> Told:
    """Return every account as a card, every group, and the sums of both."""
    prices = market(venue)
    known = equity_selectors.worths(accounts(venue=venue), prices)
    ids = [one.account.id for one in known]
    open_orders = _counted(
        Order.objects.filter(account__in=ids).exclude(state__in=FINAL)
    )
    held = _counted(Position.objects.filter(account__in=ids).exclude(quantity=ZERO))
    compared = {
        told["account"]: told
        for told in position_selectors.newest_reconciliations(
            one.account for one in known
        )
    }
    cards = [
        {
            **_card(one),
            "open_orders": open_orders[one.account.id],
            "positions": held[one.account.id],
            "reconciled": compared.get(one.account.name),
        }
        for one in known
    ]
    return {
        "venue": venue,
        "at": prices.now_ms,
        "asset": equity_selectors.ASSET,
        "accounts": cards,
        "groups": [
            {
                "name": name,
                "description": description,
                **_sums(
                    one
                    for one in known
                    if one.account.group and one.account.group.name == name
                ),
            }
            for name, description in AccountGroup.objects.values_list(
                "name", "description"
            )
        ],
        "totals": _sums(known),
        "prices_problem": prices.problem,
    }


def _counted(rows: "QuerySet[Order] | QuerySet[Position]") -> Counter[int]:
    pairs = rows.order_by().values_list("account").annotate(n=Count("id"))
    return Counter(dict(pairs))


def _card(one: Worth) -> Told:
    account = one.account
    way = decision(account)
    return {
        "id": account.id,
        "name": account.name,
        "type": account.account_type,
        "group": account.group.name if account.group else None,
        "weight": money(account.weight),
        "mode": account.mode,
        "badge": way.badge,
        "refusal": way.reason,
        "enabled": account.enabled,
        "position_mode": account.position_mode,
        "key_hint": account.key_hint,
        "key_check": account.key_check,
        "key_checked_at": account.key_checked_at,
        "wallet": money(one.wallet),
        "available": money(one.available),
        "open_profit": money(one.open_profit),
        "equity": money(one.equity),
        "other_balances": {name: money(held) for name, held in one.others.items()},
        "told_at": one.told_at,
        "starting_balance": money(account.starting_balance),
    }


def _sums(known: Iterable[Worth]) -> Told:
    """Sum up; ``unknown`` counts the accounts that nobody knows the worth of."""
    rows = list(known)
    told = [one for one in rows if one.equity is not None]

    def total(values: Iterable[Decimal | None]) -> str | None:
        return money(sum((v for v in values if v is not None), ZERO))

    return {
        "accounts": len(rows),
        "enabled": sum(one.account.enabled for one in rows),
        "unknown": len(rows) - len(told),
        "wallet": total(one.wallet for one in told),
        "open_profit": total(one.open_profit for one in told),
        "equity": total(one.equity for one in told),
    }


def reconciliations(
    *, venue: str, account: str = "", with_differences: bool = False, limit: int = 50
) -> list[Told]:
    """Return comparisons with the exchange, newest first."""
    rows = Reconciliation.objects.select_related("account").filter(account__venue=venue)
    if account:
        rows = rows.filter(account__name=account)
    if with_differences:
        rows = rows.exclude(Q(differences=[]) & Q(problem=""))
    return [
        position_selectors.reconciliation_told(row.account.name, row)
        for row in rows[:limit]
    ]
