"""Records become rows: many at once, in one transaction, and twice changes nothing.

Orders are kept by ``accounts.domain.order_life``; positions and balances by the
exchange's time; fills, incomes and trade records by what makes them unique.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction

from accounts import crash_points, live
from accounts.domain.exchange import (
    BalanceNews,
    ConfigNews,
    FillNews,
    IncomeNews,
    OrderNews,
    PositionNews,
)
from accounts.domain.order_life import (
    answered,
    never_sent,
    parent_state,
    sent,
)
from accounts.domain.rules import ZERO
from accounts.holdings_store import Holdings
from accounts.journal_records import (
    Body,
    Compared,
    OrderAnswered,
    OrderBegun,
    OrderNeverSent,
    ParentBegun,
    ParentEnded,
    Record,
    TradeEntered,
    TradeExited,
    Wiped,
)
from accounts.models import (
    ExchangeAccount,
    Fill,
    Income,
    Intent,
    Order,
    ParentOrder,
    Reconciliation,
)
from accounts.models.orders import FINAL_STATES, ParentState
from accounts.order_store import FACTS, Orders, orders_named
from accounts.trade_store import trade_entered, trade_exited
from core.clock import now_ms

log = logging.getLogger(__name__)

UPDATED = [name for name in FACTS if name not in ("client_id", "created_at")]
TRADES = (TradeEntered, TradeExited)


def store(records: Sequence[Record]) -> None:
    """Store everything or nothing; raises what Django's database raises."""
    if not records:
        return
    with transaction.atomic():
        trades = [one for one in records if isinstance(one.body, TRADES)]
        for one in trades:
            if isinstance(one.body, TradeEntered):
                trade_entered(one.body)
            elif isinstance(one.body, TradeExited):
                trade_exited(one.body)
        rest = [one for one in records if not isinstance(one.body, TRADES)]
        if rest:
            _Batch(rest).store()
        crash_points.reach("before_commit")


class _Batch:
    """One transaction's worth of records."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        ids = {one.account for one in records}
        self._accounts = ExchangeAccount.objects.in_bulk(ids)
        self._orders: dict[int, Orders] = {}
        self._fills: dict[tuple[int, str, int], FillNews] = {}
        self._incomes: list[Income] = []
        self._parents: set[int] = set()
        self._made: dict[str, ParentOrder] = {}
        self._holdings = Holdings(self._accounts)
        self._takers: dict[type[Body], Callable[[ExchangeAccount, Any], None]] = {
            ParentBegun: self._parent_begun,
            ParentEnded: self._parent_ended,
            OrderBegun: self._order_begun,
            OrderAnswered: self._order_answered,
            OrderNeverSent: self._order_never_sent,
            OrderNews: lambda account, news: self._orders[account.id].news(news),
            FillNews: self._fill,
            PositionNews: self._holdings.position,
            BalanceNews: self._holdings.balance,
            ConfigNews: self._holdings.config,
            IncomeNews: self._income,
            Compared: self._compared,
            Wiped: self._wiped,
        }

    def store(self) -> None:
        """Read what the records concern, apply them in order, write."""
        named = orders_named(self._records)
        for number, account in self._accounts.items():
            self._orders[number] = Orders(account, named.get(number, []))
        self._holdings.read(self._records)
        for record in self._records:
            owner = self._accounts.get(record.account)
            if owner is None:
                log.error("account %d is gone: %s", record.account, record.document())
            else:
                self._takers[type(record.body)](owner, record.body)
        rows = self._write_orders()
        fills = self._write_fills()
        Income.objects.bulk_create(self._incomes, ignore_conflicts=True)
        self._settle_parents()
        positions = self._holdings.write()
        try:
            live.orders_changed(rows)
            live.fills_added(fills)
            live.positions_changed(positions)
        except (TypeError, ValueError, LookupError, AttributeError):
            # A mistake in what is shown must refuse no record.
            log.exception("browsers are not told of what was stored")
        for fill in fills:
            log.info(
                "📝 %s %s %s %s at %s, trade %d",
                fill.account.name,
                fill.side,
                fill.quantity,
                fill.symbol,
                fill.price,
                fill.trade_id,
            )

    # -- parents ----------------------------------------------------------------

    def _parent_begun(self, account: ExchangeAccount, body: ParentBegun) -> None:
        if body.intent in self._made:
            return
        key = uuid.UUID(body.intent)
        if not Intent.objects.filter(id=key).exists():
            log.error("intent %s is gone; its orders stand alone", body.intent)
            return
        values = {
            "venue": body.venue,
            "symbol": body.symbol,
            "side": body.side,
            "order_type": body.order_type,
            "quantity": body.quantity,
            "strategy": body.strategy,
            "policy": body.policy,
            "plan": {**body.plan, "intent": body.intent},
            "created_at": body.at,
            "updated_at": body.at,
        }
        row = ParentOrder.objects.filter(intent_id=key).first()
        self._made[body.intent] = row or ParentOrder.objects.create(
            intent_id=key, **values
        )

    def _parent_ended(self, account: ExchangeAccount, body: ParentEnded) -> None:
        parent = self._parent(body.intent)
        if parent is not None:
            parent.state, parent.updated_at = body.state, body.at
            parent.save(update_fields=["state", "updated_at"])

    def _parent(self, intent: str) -> ParentOrder | None:
        if intent and intent not in self._made:
            row = ParentOrder.objects.filter(intent_id=uuid.UUID(intent)).first()
            if row is None:
                return None
            self._made[intent] = row
        return self._made.get(intent)

    def _settle_parents(self) -> None:
        """Give parents the state that their children make."""
        rows = ParentOrder.objects.filter(id__in=self._parents)
        for parent in rows.exclude(state=ParentState.UNWOUND.value):
            children = list(parent.children.values_list("state", "filled", "quantity"))
            # What closes it again is no part of what was planned.
            planned = sum((each[2] for each in children), ZERO)
            state = parent_state([(each[0], each[1]) for each in children], planned)
            if state != parent.state:
                parent.state, parent.updated_at = state, now_ms()
                parent.save(update_fields=["state", "updated_at"])

    # -- orders -----------------------------------------------------------------

    def _order_begun(self, account: ExchangeAccount, body: OrderBegun) -> None:
        orders = self._orders[account.id]
        name = body.order.client_id
        parent = self._parent(body.intent)
        orders.begun(body)
        if parent is not None and orders.parents.get(name) != parent.id:
            orders.parents[name] = parent.id
            orders.changed.add(name)

    def _order_answered(self, account: ExchangeAccount, body: OrderAnswered) -> None:
        orders = self._orders[account.id]
        known = orders.facts.get(body.client_id)
        if known is None:
            log.error("%s: %s was answered but never begun", account, body.client_id)
            return
        orders.put(answered(sent(known, body.sent_at), body.outcome, body.at))
        for fill in body.outcome.fills:
            self._fill(account, fill)

    def _order_never_sent(self, account: ExchangeAccount, body: OrderNeverSent) -> None:
        orders = self._orders[account.id]
        known = orders.facts.get(body.client_id)
        if known is not None:
            orders.put(never_sent(known, body.reason))

    def _write_orders(self) -> list[Order]:
        rows = [
            Order(
                account=orders.account,
                parent_id=orders.parents.get(name),
                updated_at=now_ms(),
                **{each: getattr(orders.facts[name], each) for each in FACTS},
            )
            for orders in self._orders.values()
            for name in sorted(orders.changed)
        ]
        Order.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "client_id"],
            update_fields=[*UPDATED, "parent", "updated_at"],
        )
        self._parents |= {row.parent_id for row in rows if row.parent_id is not None}
        for row in rows:
            self._orders[row.account_id].ids[row.client_id] = row.id
        self._adopt_fills(rows)
        return rows

    def _adopt_fills(self, rows: Iterable[Order]) -> None:
        """Give orders the executions that were told before them."""
        numbered = {
            (row.account_id, row.symbol, row.exchange_id): row
            for row in rows
            if row.exchange_id is not None
        }
        orphans = Fill.objects.filter(
            order=None, exchange_order_id__in={key[2] for key in numbered}
        )
        for fill in orphans:
            key = (fill.account_id, fill.symbol, fill.exchange_order_id)
            if key in numbered:
                fill.order = numbered[key]
                fill.save(update_fields=["order"])

    # -- fills and money --------------------------------------------------------

    def _fill(self, account: ExchangeAccount, fill: FillNews) -> None:
        key = (account.id, fill.symbol, fill.trade_id)
        known = self._fills.get(key)
        if known is None or (fill.client_id and not known.client_id):
            self._fills[key] = fill

    def _write_fills(self) -> list[Fill]:
        """Add those that are new, with their orders."""
        if not self._fills:
            return []
        known = set(
            Fill.objects.filter(
                account_id__in={key[0] for key in self._fills},
                trade_id__in={key[2] for key in self._fills},
            ).values_list("account_id", "symbol", "trade_id")
        )
        fresh = [one for one in self._fills.items() if one[0] not in known]
        rows = [self._fill_row(key[0], fill) for key, fill in fresh]
        Fill.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "symbol", "trade_id"],
            update_fields=["order"],
        )
        return rows

    def _fill_row(self, account: int, fill: FillNews) -> Fill:
        orders = self._orders[account]
        name = orders.by_number(fill.symbol, fill.exchange_id) or fill.client_id
        return Fill(
            account=orders.account,
            order_id=orders.ids.get(name),
            trade_id=fill.trade_id,
            exchange_order_id=fill.exchange_id,
            symbol=fill.symbol,
            side=fill.side,
            position_side=fill.position_side,
            quantity=fill.quantity,
            price=fill.price,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
            realised=fill.realised,
            maker=fill.maker,
            at=fill.at,
        )

    def _income(self, account: ExchangeAccount, income: IncomeNews) -> None:
        self._incomes.append(
            Income(
                account=account,
                kind=income.kind,
                number=income.number,
                symbol=income.symbol,
                asset=income.asset,
                amount=income.amount,
                trade_id=income.trade_id,
                at=income.at,
            )
        )

    # -- the account as a whole -------------------------------------------------

    def _compared(self, account: ExchangeAccount, body: Compared) -> None:
        Reconciliation.objects.get_or_create(
            account=account,
            at=body.at,
            cause=body.cause,
            defaults={
                "seconds": body.seconds,
                "differences": list(body.differences),
                "problem": body.problem,
            },
        )

    def _wiped(self, account: ExchangeAccount, body: Wiped) -> None:
        """Close what is open and hold nothing; what was done stays on record."""
        if account.paper_since >= body.at:
            return
        account.paper_since = body.at
        account.save(update_fields=["paper_since"])
        open_rows = Order.objects.filter(account=account)
        for row in open_rows.exclude(state__in=[one.value for one in FINAL_STATES]):
            row.state, row.reason = "canceled", "the paper account was reset"
            row.updated_at = body.at
            row.save(update_fields=["state", "reason", "updated_at"])
        self._holdings.wipe(account, body.balance, body.at)
