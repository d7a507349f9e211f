"""The ledger of an account: its fills walked through, fees converted, funding apart.

Realised profit is counted anew from the fills of an account since its beginning (of a
paper account: since its last reset). Where they do not lead to what the exchange says is
held - the account traded before we knew it - the ledger says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.db.models import Count, Max, QuerySet

from accounts import kept_walks
from accounts.domain.pnl import Conversion, Funding
from accounts.domain.positions import Fill, PositionSide, Side
from accounts.domain.round_trips import Ledger, fees_of, ledger
from accounts.domain.rules import ZERO
from accounts.equity_selectors import ASSET, quote_asset
from accounts.kept_walks import Mark, Walk
from accounts.messages import money
from accounts.models import ExchangeAccount, Income, Position
from accounts.models import Fill as FillRow
from core.errors import InvalidInput
from market import selectors as market_selectors
from market.domain.candles import INTERVAL_MS

FUNDING = "FUNDING_FEE"
# Fees are paid in few assets; a day before the first fill is enough for a price.
LOOK_BACK_MS = 86_400_000
FIELDS = (
    "symbol",
    "side",
    "quantity",
    "price",
    "at",
    "position_side",
    "fee",
    "fee_asset",
    "realised",
)


@dataclass(frozen=True)
class AccountLedger:
    """The ledger of one account; ``exchange_realised`` by symbol is the exchange's.

    ``problem``: why the fills do not lead to what is held, empty when they do. Then the
    ledger has no closings and no trips.
    """

    account: ExchangeAccount
    ledger: Ledger
    funding: tuple[Funding, ...]
    fills: tuple[tuple[Fill, Decimal], ...]
    problem: str = ""


def account_ledger(account: ExchangeAccount, *, until: int) -> AccountLedger:
    """Walk through everything the account did before ``until`` (ms)."""
    paid = tuple(_funding(account, until))
    mark = _mark(account, until, paid)
    walk = kept_walks.find(mark)
    if walk is None:
        walk = _walk(account, until, paid)
        # A fill that came between mark and walk belongs to the next mark.
        if _mark(account, until, paid) == mark:
            kept_walks.keep(mark, walk)
    problem = walk.problem
    if walk.ledger is not None:
        problem = _mismatch(account, walk.ledger, until)
    walked = walk.fees if walk.ledger is None or problem else walk.ledger
    return AccountLedger(account, walked, paid, walk.made, problem)


def _mark(account: ExchangeAccount, until: int, paid: tuple[Funding, ...]) -> Mark:
    rows = _fill_rows(account, until)
    told = rows.aggregate(count=Count("id"), newest=Max("id"))
    newest = FillRow.objects.filter(id=told["newest"])
    return Mark(
        account=account.id,
        since=account.paper_since,
        fills=told["count"],
        newest=newest.values_list("id", "trade_id", "at").first(),
        funding=paid,
    )


def _walk(account: ExchangeAccount, until: int, paid: tuple[Funding, ...]) -> Walk:
    made = tuple(_fills(account, until))
    plain = [fill for fill, _ in made]
    rates = _conversions(account.venue, plain)
    walked, problem = None, ""
    try:
        walked = ledger(plain, funding=paid, conversions=rates)
    except InvalidInput as error:
        problem = f"the fills begin inside a position ({error})"
    fees = walked.fees if walked else fees_of(plain, conversions=rates)
    converted = any(fill.fee and fill.fee_asset != ASSET for fill in plain)
    return Walk(made, walked, Ledger((), (), fees, ()), problem, converted)


def _fill_rows(account: ExchangeAccount, until: int) -> "QuerySet[FillRow]":
    rows: QuerySet[FillRow] = FillRow.objects.filter(account=account, at__lt=until)
    if account.mode == "paper":
        rows = rows.filter(at__gte=account.paper_since)
    return rows.order_by()


def _fills(account: ExchangeAccount, until: int) -> Iterator[tuple[Fill, Decimal]]:
    rows = _fill_rows(account, until)
    for row in rows.order_by("at", "id").values_list(*FIELDS).iterator():
        symbol, side, quantity, price, at, position_side, fee, asset, realised = row
        if quote_asset(symbol) != ASSET:
            continue
        yield (
            Fill(
                symbol=symbol,
                side=cast(Side, side),
                quantity=quantity,
                price=price,
                at=at,
                position_side=cast(PositionSide, position_side),
                fee=fee,
                fee_asset=asset,
            ),
            realised,
        )


def _funding(account: ExchangeAccount, until: int) -> Iterator[Funding]:
    rows = Income.objects.filter(
        account=account, kind=FUNDING, asset=ASSET, at__lt=until
    )
    if account.mode == "paper":
        rows = rows.filter(at__gte=account.paper_since)
    for symbol, amount, at in rows.order_by("at", "id").values_list(
        "symbol", "amount", "at"
    ):
        yield Funding(symbol, amount, at)


def _mismatch(account: ExchangeAccount, walked: Ledger, until: int) -> str:
    """Say how the counted positions differ from those held; only the present tells."""
    rows = Position.objects.filter(account=account)
    newest = max((row.event_at for row in rows), default=0)
    if newest >= until:
        return ""
    held = {
        (row.symbol, row.side): row.quantity
        for row in rows
        if row.quantity and quote_asset(row.symbol) == ASSET
    }
    counted: dict[tuple[str, str], Decimal] = {
        (one.symbol, one.side): one.quantity for one in walked.positions
    }
    for key in sorted(held.keys() | counted.keys()):
        ours, theirs = counted.get(key, ZERO), held.get(key, ZERO)
        if ours != theirs:
            symbol, side = key
            return (
                f"the fills of {symbol} {side} come to {money(ours)}, the exchange "
                f"says {money(theirs)}"
            )
    return ""


def _conversions(venue: str, fills: list[Fill]) -> dict[str, list[Conversion]]:
    """Return prices of the assets that fees were paid in: closes of stored bars, each
    true from the moment its bar closed.
    """
    spans: dict[str, tuple[int, int]] = {}
    for fill in fills:
        if fill.fee and fill.fee_asset != ASSET:
            first, last = spans.get(fill.fee_asset, (fill.at, fill.at))
            spans[fill.fee_asset] = min(first, fill.at), max(last, fill.at)
    intervals = sorted(settings.QUANTAI.market.intervals, key=INTERVAL_MS.__getitem__)
    found: dict[str, list[Conversion]] = {}
    for asset, (first, last) in spans.items():
        for interval in intervals:
            bars = market_selectors.bar_rows(
                venue=venue,
                symbol=f"{asset}{ASSET}",
                interval=interval,
                first=first - LOOK_BACK_MS,
                last=last,
                values=("close",),
            )
            if bars:
                found[asset] = [
                    Conversion(asset, Decimal(str(close)), at + INTERVAL_MS[interval])
                    for at, close in bars
                ]
                break
    return found
