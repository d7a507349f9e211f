"""What planning an order needs to know, read from database and live state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django.db.models import FloatField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast

from accounts.domain.distribution import Distribution, Participant
from accounts.domain.margin import Bound, free_margin
from accounts.domain.order_life import OPEN, UNSURE
from accounts.domain.planning import (
    AccountFacts,
    Holding,
    Surroundings,
    Wanted,
    plan_order,
)
from accounts.domain.positions import PositionSide
from accounts.domain.rules import ZERO, SymbolRules
from accounts.equity_selectors import ASSET
from accounts.intent_documents import PlaceOrder
from accounts.messages import decision
from accounts.models import (
    AccountGroup,
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    Order,
    Position,
    User,
)
from accounts.models.exchange_accounts import PositionMode
from core import wire
from core.access import Role, has_role
from core.errors import BusUnavailable, InvalidInput
from market import live
from market.models import Instrument
from risk import selectors as risk_selectors
from risk.domain.gate import AccountState, QuoteAge, Reason

DEFAULT_LEVERAGE = 20


@dataclass(frozen=True)
class Preview:
    """What an order would become. ``reasons``: the gate's, by account."""

    distribution: Distribution
    price: Decimal
    quote_age_seconds: float | None
    reasons: dict[str, tuple[Reason, ...]]
    badges: dict[str, str]


def order_preview(*, venue: str, order: PlaceOrder, actor: str) -> Preview:
    """Return shares, margins, and who is left out and why; raises ``InvalidInput``."""
    accounts = accounts_wanted(venue, order.accounts, order.group)
    around = surroundings(venue, order.symbol, actor)
    people = facts(accounts, order.symbol, drawdowns=order.strategy == "risk_based")
    plan = plan_order(wanted_of(order), people, around)
    return Preview(
        plan.distribution,
        plan.price,
        around.quote.age_seconds,
        plan.reasons,
        {one.name: decision(one).badge for one in accounts},
    )


def wanted_of(order: PlaceOrder) -> Wanted:
    """Return what planning needs of an order."""
    return Wanted(
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        position_side=order.position_side,
        reduce_only=order.reduce_only,
        strategy=order.strategy,
    )


def accounts_wanted(
    venue: str, names: Iterable[str] = (), group: str = ""
) -> list[ExchangeAccount]:
    """Return the accounts somebody means, by name; raises ``InvalidInput``.

    Without names and group: every enabled account of the venue.
    """
    rows: QuerySet[ExchangeAccount] = ExchangeAccount.objects.filter(venue=venue)
    rows = rows.order_by("name")
    wanted = sorted(names)
    if wanted:
        found = list(rows.filter(name__in=wanted))
        missing = sorted(set(wanted) - {one.name for one in found})
        if missing:
            raise InvalidInput("accounts", missing[0], f"is no account of {venue}")
        return found
    if group:
        if not AccountGroup.objects.filter(name=group).exists():
            raise InvalidInput("group", group, "is no group")
        found = list(rows.filter(group__name=group, enabled=True))
        if not found:
            raise InvalidInput("group", group, f"has no enabled account of {venue}")
        return found
    found = list(rows.filter(enabled=True))
    if not found:
        raise InvalidInput("accounts", wanted, f"{venue} has no enabled account")
    return found


def facts(
    accounts: Iterable[ExchangeAccount],
    symbol: str,
    *,
    drawdowns: bool = False,
    reconciled: Mapping[int, bool] | None = None,
) -> list[AccountFacts]:
    """Return the accounts as planning sees them.

    ``reconciled`` by account id is known to the trader only; a preview takes it for
    granted. ``drawdowns`` are read where they are asked for: they look at all history.
    """
    people = list(accounts)
    ids = [one.id for one in people]
    wallets = dict(
        Balance.objects.filter(account_id__in=ids, asset="USDT").values_list(
            "account_id", "wallet"
        )
    )
    held: dict[int, list[Position]] = {}
    for row in Position.objects.filter(account_id__in=ids):
        held.setdefault(row.account_id, []).append(row)
    resting: dict[int, list[Order]] = {}
    for order in Order.objects.filter(
        account_id__in=ids, state__in=OPEN | UNSURE, reduce_only=False
    ):
        resting.setdefault(order.account_id, []).append(order)
    peaks = _peaks(ids) if drawdowns else {}
    return [
        _facts(
            one,
            symbol,
            _Money(
                wallets.get(one.id, ZERO),
                held.get(one.id, []),
                resting.get(one.id, []),
                peaks.get(one.id, ZERO),
            ),
            reconciled=True if reconciled is None else reconciled.get(one.id, False),
        )
        for one in people
    ]


@dataclass(frozen=True)
class _Money:
    """Rows that tell what an account can bind. ``peak``: highest equity, 0 unknown."""

    wallet: Decimal
    held: list[Position]
    resting: list[Order]
    peak: Decimal

    @property
    def equity(self) -> Decimal:
        """Wallet and profit that is not realised."""
        return self.wallet + sum(
            (row.exchange_profit or ZERO for row in self.held), ZERO
        )

    @property
    def drawdown(self) -> Decimal:
        """Share that equity lies below its peak."""
        below = self.peak > self.equity > 0
        return (self.peak - self.equity) / self.peak if below else ZERO

    def leverage(self, symbol: str) -> int:
        """Return what the account has set for a symbol."""
        found = (row.leverage for row in self.held if row.symbol == symbol)
        return max(found, default=DEFAULT_LEVERAGE)

    @property
    def free(self) -> Decimal:
        """What new orders can bind."""
        held = (
            Bound(
                abs(row.quantity) * row.entry,
                row.leverage,
                row.exchange_profit or ZERO,
                row.isolated_margin,
            )
            for row in self.held
            if row.quantity
        )
        resting = (
            Bound(
                (row.quantity - row.filled) * (row.price or row.stop_price),
                self.leverage(row.symbol),
            )
            for row in self.resting
            if not row.algo
        )
        return free_margin(self.wallet, (*held, *resting))


def _facts(
    account: ExchangeAccount, symbol: str, money: _Money, *, reconciled: bool
) -> AccountFacts:
    verdict = decision(account)
    return AccountFacts(
        participant=Participant(
            account=account.name,
            weight=account.weight,
            equity=money.equity,
            free_margin=money.free,
            leverage=Decimal(money.leverage(symbol)),
            drawdown=money.drawdown,
        ),
        state=AccountState(
            account=account.name,
            enabled=account.enabled,
            reconciled=reconciled,
            can_trade=_can_trade(account),
            mode_refusal=verdict.reason,
        ),
        hedge=account.position_mode == PositionMode.HEDGE.value,
        holdings=tuple(
            Holding(cast(PositionSide, row.side), row.quantity, row.entry)
            for row in money.held
            if row.symbol == symbol
        ),
    )


def _can_trade(account: ExchangeAccount) -> bool:
    """A key that was never checked is tried; one known not to trade is not."""
    return account.mode == "paper" or bool(account.key_check.get("can_trade", True))


def _peaks(ids: list[int]) -> dict[int, Decimal]:
    """Return the highest equity of each account, of paper since its last reset.

    The database finds the row; one row per account is read, exact as it was kept.
    """
    kept = EquitySnapshot.objects.filter(
        account=OuterRef("pk"), asset=ASSET, at__gte=OuterRef("paper_since")
    )
    highest = kept.order_by(Cast("equity", FloatField()).desc()).values("equity")[:1]
    rows = ExchangeAccount.objects.filter(id__in=ids).annotate(peak=Subquery(highest))
    peaks = rows.order_by().values_list("id", "peak")
    return {account: peak for account, peak in peaks if peak is not None}


def surroundings(venue: str, symbol: str, actor: str) -> Surroundings:
    """Return rules, price, state, limits and the actor's right; ``InvalidInput``."""
    return Surroundings(
        rules=symbol_rules(venue, symbol),
        quote=quote_age(venue, symbol),
        state=risk_selectors.risk_state(venue=venue),
        limits=risk_selectors.risk_limits(venue=venue),
        may_trade=may_trade(actor),
    )


def may_trade(actor: str) -> bool:
    """Whether the person of this name has a role that trades."""
    user = User.objects.filter(username=actor, is_active=True).first()
    return user is not None and has_role(user, Role.TRADER, Role.RISK)


def symbol_rules(venue: str, symbol: str) -> SymbolRules:
    """Return what the exchange demands of orders of the symbol; ``InvalidInput``."""
    row = Instrument.objects.filter(venue=venue, symbol=symbol).first()
    if row is None:
        raise InvalidInput("symbol", symbol, f"is no contract of {venue}")
    return SymbolRules(
        symbol,
        tick=_number(row.tick_size),
        step=_number(row.step_size),
        min_quantity=_number(row.step_size),
        min_notional=_number(row.min_notional),
    )


def _number(text: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        return ZERO


def quote_age(venue: str, symbol: str) -> QuoteAge:
    """Return the middle of bid and ask, else mark or last price, with its age."""
    try:
        raw = live.quote_raw(venue, symbol)
        if raw is None:
            return QuoteAge(None, None)
        item = wire.decode(raw)
        now_ms = live.exchange_now(venue)
    except BusUnavailable:
        return QuoteAge(None, None)
    return quote_of(item, now_ms)


def quote_of(item: Mapping[str, Any], now_ms: int) -> QuoteAge:
    """Return the best price of a quote item and its age at ``now_ms``.

    ``s`` says how many ms before ``t`` mark, last and best prices were true.
    """
    at = item.get("t")
    if not at:
        return QuoteAge(None, None)
    mark_late, last_late, mid_late = item.get("s") or (0, 0, 0)
    bid, ask = _exact(item.get("b")), _exact(item.get("a"))
    mid = (bid + ask) / 2 if bid and ask else None
    for price, late in (
        (mid, mid_late),
        (_exact(item.get("m")), mark_late),
        (_exact(item.get("p")), last_late),
    ):
        if price and late is not None:
            return QuoteAge(price, max(0, now_ms - at + late) / 1000)
    return QuoteAge(None, None)


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
