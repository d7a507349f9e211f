"""What accounts are worth: now, and at the moments that were kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Max, Min

from accounts import position_selectors
from accounts.domain.equity import TRANSFERS, with_flows
from accounts.domain.performance import Equity
from accounts.domain.rules import ZERO
from accounts.models import (
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    Income,
    Position,
)
from accounts.price_selectors import Market

ASSET = "USDT"
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "BTC")
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def quote_asset(symbol: str) -> str:
    """Return the asset a contract is settled in; ``ASSET`` when its name tells none."""
    name = symbol.partition("_")[0]
    return next((asset for asset in QUOTES if name.endswith(asset)), ASSET)


@dataclass(frozen=True)
class Worth:
    """What one account is worth in ``ASSET``; None where nobody knows.

    ``others``: balances in other assets, which are not part of it.
    """

    account: ExchangeAccount
    wallet: Decimal | None
    available: Decimal | None
    open_profit: Decimal | None
    others: dict[str, Decimal]
    told_at: int | None

    @property
    def equity(self) -> Decimal | None:
        """Wallet and open profit."""
        if self.wallet is None or self.open_profit is None:
            return None
        return self.wallet + self.open_profit


def worths(accounts: Iterable[ExchangeAccount], prices: Market) -> list[Worth]:
    """Return what the accounts are worth at these prices, in the given order."""
    known = list(accounts)
    ids = [one.id for one in known]
    balances: dict[int, list[Balance]] = {}
    for row in Balance.objects.filter(account__in=ids):
        balances.setdefault(row.account_id, []).append(row)
    held: dict[int, list[Position]] = {}
    rows = Position.objects.select_related("account").filter(account__in=ids)
    for position in rows.exclude(quantity=ZERO):
        held.setdefault(position.account_id, []).append(position)
    return [
        _worth(one, balances.get(one.id, []), held.get(one.id, []), prices)
        for one in known
    ]


def _worth(
    account: ExchangeAccount,
    balances: list[Balance],
    held: list[Position],
    prices: Market,
) -> Worth:
    mine = next((row for row in balances if row.asset == ASSET), None)
    settled = [row for row in held if quote_asset(row.symbol) == ASSET]
    return Worth(
        account=account,
        wallet=mine.wallet if mine else None,
        available=mine.available if mine else None,
        open_profit=position_selectors.open_profit(settled, prices),
        others={
            row.asset: row.wallet
            for row in balances
            if row.asset != ASSET and row.wallet
        },
        told_at=max((row.updated_at for row in balances), default=None),
    )


def step_ms(since: int, until: int) -> int:
    """Return how far apart values of such a period are looked at."""
    span = until - since
    if span <= 2 * DAY_MS:
        return 60_000
    return HOUR_MS if span <= 60 * DAY_MS else DAY_MS


def first_at(accounts: Iterable[ExchangeAccount]) -> int | None:
    """Return the moment (ms) of the first value that was kept of one of them."""
    rows = EquitySnapshot.objects.filter(account__in=[one.id for one in accounts])
    first: int | None = rows.aggregate(first=Min("at"))["first"]
    return first


def curves(
    accounts: Iterable[ExchangeAccount], *, since: int, until: int
) -> dict[str, list[Equity]]:
    """Return the kept values of each account by name, the last one of every step.

    What a paper account had before its last reset is another life and left out.
    """
    step = step_ms(since, until)
    return {account.name: _curve(account, since, until, step) for account in accounts}


def _curve(account: ExchangeAccount, since: int, until: int, step: int) -> list[Equity]:
    first = max(since, account.paper_since)
    rows = EquitySnapshot.objects.filter(
        account=account, asset=ASSET, at__gte=first, at__lt=until
    )
    last = (
        rows.order_by()
        .annotate(bucket=F("at") / step)
        .values("bucket")
        .annotate(last=Max("at"))
        .values("last")
    )
    values = rows.filter(at__in=last).order_by("at").values_list("at", "equity")
    moved = Income.objects.filter(
        account=account, kind__in=TRANSFERS, asset=ASSET, at__gte=first, at__lt=until
    ).values_list("at", "amount")
    return with_flows(list(values), list(moved))
