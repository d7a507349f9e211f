"""What the trader reads to do an intent, and the rows it answers with."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

from accounts import plan_selectors
from accounts.domain.client_ids import client_id
from accounts.domain.exchange import OrderRef, Outcome
from accounts.domain.order_life import OPEN, UNSURE, OrderFacts
from accounts.domain.planning import Holding, Plan, Wanted, plan_order
from accounts.domain.positions import PositionSide
from accounts.intent_documents import (
    AccountOutcome,
    AccountResult,
    IntentResult,
    PlaceOrder,
)
from accounts.models import ExchangeAccount, Order, ParentOrder, Position
from accounts.order_store import facts_of
from core.errors import InvalidInput

may_trade = plan_selectors.may_trade
contract_known = plan_selectors.symbol_rules


@dataclass(frozen=True)
class Target:
    """An order that somebody wants changed."""

    account: int
    name: str
    order: int
    facts: OrderFacts

    @property
    def ref(self) -> OrderRef:
        """How the exchange knows it."""
        return ref_of(self.facts)


@dataclass(frozen=True)
class HeldHere:
    """A position to close: the account's id and name, the symbol, what is held."""

    account: int
    name: str
    symbol: str
    holding: Holding


def ref_of(known: OrderFacts) -> OrderRef:
    """Return how the exchange knows an order; a reused id is stored with a suffix."""
    return OrderRef(
        known.symbol,
        known.client_id.partition("#")[0],
        known.exchange_id,
        known.algo,
        known.algo_id,
    )


def plan_for(
    venue: str, order: PlaceOrder, actor: str, ready: Mapping[int, bool]
) -> tuple[dict[str, int], Plan]:
    """Return account ids by name, and the plan; raises ``InvalidInput``."""
    accounts = plan_selectors.accounts_wanted(venue, order.accounts, order.group)
    people = plan_selectors.facts(
        accounts,
        order.symbol,
        drawdowns=order.strategy == "risk_based",
        reconciled=ready,
    )
    around = plan_selectors.surroundings(venue, order.symbol, actor)
    plan = plan_order(plan_selectors.wanted_of(order), people, around)
    return {one.name: one.id for one in accounts}, plan


def plan_close(venue: str, held: HeldHere, actor: str, *, ready: bool) -> Plan:
    """Return the plan of closing one position whole."""
    account = ExchangeAccount.objects.get(id=held.account)
    side = "SELL" if held.holding.quantity > 0 else "BUY"
    people = plan_selectors.facts(
        [account], held.symbol, reconciled={account.id: ready}
    )
    around = plan_selectors.surroundings(venue, held.symbol, actor)
    wanted = Wanted(
        held.symbol,
        "SELL" if side == "SELL" else "BUY",
        abs(held.holding.quantity),
        position_side=held.holding.side,
        reduce_only=True,
    )
    # What is closed belongs to its account's own mode, whatever the row says.
    hedge = held.holding.side != "BOTH"
    people = [replace(one, hedge=hedge) for one in people]
    return plan_order(wanted, people, around)


def positions_held(
    venue: str, names: Iterable[str], group: str, symbol: str, side: str
) -> list[HeldHere]:
    """Return the positions somebody means; raises ``InvalidInput``."""
    accounts = {
        one.id: one.name for one in plan_selectors.accounts_wanted(venue, names, group)
    }
    rows = Position.objects.filter(account_id__in=accounts)
    if symbol:
        rows = rows.filter(symbol=symbol)
    if side:
        rows = rows.filter(side=side)
    if symbol and not rows.exists():
        contract_known(venue, symbol)
    return [
        HeldHere(
            row.account_id,
            accounts[row.account_id],
            row.symbol,
            Holding(cast(PositionSide, row.side), row.quantity, row.entry),
        )
        for row in rows.order_by("account__name", "symbol", "side")
        if row.quantity
    ]


def target(venue: str, order: int) -> Target:
    """Return an order by the id of its row; raises ``InvalidInput``."""
    rows = Order.objects.select_related("account").filter(account__venue=venue)
    row = rows.filter(id=order).first()
    if row is None:
        raise InvalidInput("order", order, f"is no order of {venue}")
    return Target(row.account_id, row.account.name, row.id, facts_of(row))


def amend_refusal(
    venue: str,
    order: Target,
    quantity: Decimal,
    price: Decimal,
    actor: str,
    *,
    ready: bool,
) -> IntentResult | None:
    """Ask the gate for the order as it would be; None: it may be sent."""
    account = ExchangeAccount.objects.get(id=order.account)
    known = order.facts
    people = plan_selectors.facts(
        [account], known.symbol, reconciled={account.id: ready}
    )
    around = plan_selectors.surroundings(venue, known.symbol, actor)
    wanted = Wanted(
        known.symbol,
        known.side,
        quantity,
        price=price,
        position_side=known.position_side,
        reduce_only=known.reduce_only,
    )
    plan = plan_order(wanted, people, around)
    reasons = plan.reasons.get(account.name, ())
    if not reasons:
        around.rules.check(quantity, price, reduce_only=wanted.reduces)
        return None
    text = "; ".join(reason.text for reason in reasons)
    return IntentResult(
        message=text,
        codes=plan.codes,
        accounts=(AccountResult(account.name, "refused", text, codes=plan.codes),),
    )


def open_orders(
    venue: str, names: Iterable[str], group: str, symbol: str
) -> dict[tuple[int, str], list[OrderRef]]:
    """Return what may be open, by account (id, name); raises ``InvalidInput``.

    Disabled accounts are meant too where nobody is named: cancelling does no harm.
    """
    rows = Order.objects.select_related("account").filter(
        account__venue=venue, state__in=OPEN | UNSURE
    )
    if names or group:
        wanted = plan_selectors.accounts_wanted(venue, names, group)
        rows = rows.filter(account__in=wanted)
    if symbol:
        rows = rows.filter(symbol=symbol)
    found: dict[tuple[int, str], list[OrderRef]] = {}
    for row in rows:
        key = (row.account_id, row.account.name)
        found.setdefault(key, []).append(ref_of(facts_of(row)))
    if symbol and not found:
        contract_known(venue, symbol)
    return found


def unsure_orders(account: int) -> list[OrderRef]:
    """Return what was journalled and of which nobody knows what became of it."""
    rows = Order.objects.filter(account_id=account, state__in=UNSURE)
    return [ref_of(facts_of(row)) for row in rows]


def orders_of(intent: uuid.UUID) -> list[Order]:
    """Return every order that an intent led to, those that close again included."""
    begins = client_id(intent, 0).removesuffix("0")
    rows = Order.objects.filter(client_id__startswith=begins, external=False)
    return list(rows.order_by("id"))


def account_names(venue: str, names: Iterable[str], group: str) -> dict[int, str]:
    """Return names by id of the accounts somebody means; raises ``InvalidInput``."""
    found = plan_selectors.accounts_wanted(venue, names, group)
    return {one.id: one.name for one in found}


def starting_balances(venue: str, names: Sequence[str]) -> dict[int, Decimal]:
    """Return what paper accounts begin with, by id; raises ``InvalidInput``."""
    found = plan_selectors.accounts_wanted(venue, names)
    return {one.id: one.starting_balance for one in found}


def parent_of(intent: uuid.UUID) -> ParentOrder | None:
    """Return the order over accounts that an intent led to."""
    return ParentOrder.objects.filter(intent_id=intent).first()


def order_results(
    outcomes: Mapping[str, Outcome], account: int | None = None
) -> list[AccountResult]:
    """Return how orders stand, by client id, beside what came of the attempt.

    What the row has learnt since outranks an outcome that could not tell.
    """
    rows = Order.objects.select_related("account").filter(client_id__in=outcomes)
    if account is not None:
        rows = rows.filter(account_id=account)
    return [
        AccountResult(
            account=row.account.name,
            outcome=outcome_of(row, outcomes[row.client_id]),
            message=row.reason or outcomes[row.client_id].message,
            order=row.id,
            client_id=row.client_id,
            symbol=row.symbol,
            state=row.state,
            quantity=row.quantity,
            filled=row.filled,
            average_price=row.average_price,
            error_code=outcomes[row.client_id].code,
        )
        for row in rows.order_by("account__name", "symbol", "id")
    ]


def outcome_of(row: Order, outcome: Outcome) -> AccountOutcome:
    """Return what came of sending an order, as far as is known by now."""
    if outcome.kind != "unknown":
        return outcome.kind
    if row.state in UNSURE:
        return "unknown"
    return "not_sent" if row.state == "never_sent" else "done"
