"""Profit of a period: realised, fees and funding apart, with every price it rests on.

Where an account's ledger does not lead to what is held, the exchange's own numbers are
taken and the report says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts import equity_selectors
from accounts.domain.round_trips import RoundTrip
from accounts.domain.rules import ZERO
from accounts.equity_selectors import ASSET
from accounts.ledger_selectors import AccountLedger, account_ledger
from accounts.messages import Told, account_badge, money, thin
from accounts.models import ExchangeAccount
from accounts.models import Fill as FillRow
from core.errors import InvalidInput

# The exchange rounds what a fill realised to eight places.
EXCHANGE_DIGIT = Decimal("1e-8")
Closed = tuple[ExchangeAccount, RoundTrip]
NUMBERS = ("realised", "exchange_realised", "fees", "funding", "volume", "fills")


@dataclass(frozen=True)
class Period:
    """From ``since`` to ``until`` (ms), the later one excluded."""

    since: int
    until: int

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise InvalidInput("until", self.until, "must be later than since")

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.since <= at < self.until


def _totals(mine: AccountLedger, period: Period) -> dict[str, dict[str, Decimal]]:
    """Return the sums of ``NUMBERS`` by symbol."""
    found: dict[str, dict[str, Decimal]] = {}
    for symbol, at, name, amount in _entries(mine):
        if at in period:
            one = found.setdefault(symbol, dict.fromkeys(NUMBERS, ZERO))
            one[name] += amount
    return found


def _entries(mine: AccountLedger) -> Iterator[tuple[str, int, str, Decimal]]:
    """Yield (symbol, ms, which sum, amount) of everything that counts."""
    for fill, realised in mine.fills:
        yield fill.symbol, fill.at, "exchange_realised", realised
        yield fill.symbol, fill.at, "volume", fill.quantity * fill.price
        yield fill.symbol, fill.at, "fills", Decimal(1)
        if mine.problem:
            yield fill.symbol, fill.at, "realised", realised
    for closing in mine.ledger.closings:
        yield closing.symbol, closing.at, "realised", closing.profit
    for fee in mine.ledger.fees:
        if fee.value is not None:
            yield fee.symbol, fee.at, "fees", fee.value
    for payment in mine.funding:
        yield payment.symbol, payment.at, "funding", payment.amount


def sums_told(one: Mapping[str, Decimal]) -> Told:
    """Tell sums of a period; ``net`` = realised - fees + funding.

    ``agrees``: ours and the exchange's differ by no more than its rounding.
    """
    told: Told = {name: money(one[name]) for name in NUMBERS if name != "fills"}
    told["fills"] = int(one["fills"])
    told["net"] = money(one["realised"] - one["fees"] + one["funding"])
    difference = one["realised"] - one["exchange_realised"]
    told["difference"] = money(difference)
    told["agrees"] = abs(difference) <= one["fills"] * EXCHANGE_DIGIT
    return told


def _sum(parts: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    total = dict.fromkeys(NUMBERS, ZERO)
    for part in parts:
        for name in NUMBERS:
            total[name] += part[name]
    return total


def report(
    accounts: Iterable[ExchangeAccount], period: Period, *, most: int | None = None
) -> Told:
    """Return the profit of a period per account and symbol, and in all.

    ``most``: how many closed trades are told, the newest; None: all.
    """
    walked = [account_ledger(account, until=period.until) for account in accounts]
    per_account = {one.account.name: _totals(one, period) for one in walked}
    closed = _closed(walked, period)
    by_symbol: dict[str, list[dict[str, Decimal]]] = {}
    for symbols in per_account.values():
        for symbol, sums in symbols.items():
            by_symbol.setdefault(symbol, []).append(sums)
    return {
        "asset": ASSET,
        "since": period.since,
        "until": period.until,
        "totals": sums_told(_sum(s for one in by_symbol.values() for s in one)),
        "accounts": [
            {
                "account": one.account.name,
                "badge": account_badge(one.account),
                "basis": "exchange" if one.problem else "fills",
                "problem": one.problem,
                **sums_told(_sum(per_account[one.account.name].values())),
            }
            for one in walked
        ],
        "symbols": [
            {"symbol": symbol, **sums_told(_sum(by_symbol[symbol]))}
            for symbol in sorted(by_symbol)
        ],
        "trades": [trip_told(*one) for one in closed[:most]],
        "trades_total": len(closed),
        "curve": thin(_curve(closed)),
        "conversions": _conversions_told(walked, period),
        "unconverted": _unconverted(walked, period),
        "other_assets": sorted(_other_assets(one.account for one in walked)),
    }


def _closed(walked: Iterable[AccountLedger], period: Period) -> list[Closed]:
    """Return the trades that were closed in the period, newest first."""
    found = [
        (one.account, trip)
        for one in walked
        for trip in one.ledger.trips
        if trip.closed_at is not None and trip.closed_at in period
    ]
    return sorted(found, key=lambda one: one[1].closed_at or 0, reverse=True)


def _curve(closed: list[Closed]) -> list[list[object]]:
    """Return [ms, sum of the net profits so far] of each trade, the oldest first."""
    total = ZERO
    points: list[list[object]] = []
    for _, trip in reversed(closed):
        total += trip.net
        points.append([trip.closed_at, money(total)])
    return points


def trip_told(account: ExchangeAccount, trip: RoundTrip) -> Told:
    """Tell of one trade, from flat to flat."""
    return {
        "account": account.name,
        "badge": account_badge(account),
        "symbol": trip.symbol,
        "position_side": trip.position_side,
        "direction": trip.direction,
        "opened_at": trip.opened_at,
        "closed_at": trip.closed_at,
        "quantity": money(trip.quantity),
        "entry": money(trip.entry),
        "exit": money(trip.exit),
        "realised": money(trip.realised),
        "fees": money(trip.fees),
        "funding": money(trip.funding),
        "net": money(trip.net),
        "unconverted": {k: money(v) for k, v in trip.unconverted.items()},
    }


def _conversions_told(walked: list[AccountLedger], period: Period) -> list[Told]:
    """Tell each price that a fee was converted at, once, with what it converted."""
    used: dict[tuple[str, int, Decimal], Decimal] = {}
    for one in walked:
        for fee in one.ledger.fees:
            if fee.conversion is not None and fee.at in period:
                rate = fee.conversion
                key = rate.asset, rate.at, rate.price
                used[key] = used.get(key, ZERO) + fee.paid
    return [
        {"asset": asset, "at": at, "price": money(price), "paid": money(paid)}
        for (asset, at, price), paid in sorted(used.items(), key=lambda item: item[0])
    ]


def _unconverted(walked: list[AccountLedger], period: Period) -> dict[str, Any]:
    left: dict[str, Decimal] = {}
    for one in walked:
        for fee in one.ledger.fees:
            if fee.value is None and fee.at in period:
                left[fee.asset] = left.get(fee.asset, ZERO) + fee.paid
    return {asset: money(amount) for asset, amount in sorted(left.items())}


def _other_assets(accounts: Iterable[ExchangeAccount]) -> set[str]:
    """Return the assets whose contracts were traded and are no part of the report."""
    symbols = (
        FillRow.objects.filter(account__in=[one.id for one in accounts])
        .order_by()
        .values_list("symbol", flat=True)
        .distinct()
    )
    return {equity_selectors.quote_asset(symbol) for symbol in symbols} - {ASSET}
