"""Orders of intents: planned, journalled, sent to all accounts at once, made good.

When some accounts fail, the others' orders stay or are closed again, as the intent says.
What becomes of an order that nobody can tell is waited for before anything is closed.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async

from accounts import execution_facts as read
from accounts.desk import Desk
from accounts.domain.exchange import NewOrder, Outcome
from accounts.domain.order_life import OPEN
from accounts.domain.planning import Plan
from accounts.intent_documents import (
    AccountResult,
    ClosePosition,
    IntentResult,
    PlaceOrder,
)
from accounts.intent_orders import (
    closing_order,
    new_order,
    order_ref,
    reducing_order,
)
from accounts.journal import JournalUnavailable
from accounts.journal_records import (
    OrderBegun,
    OrderNeverSent,
    ParentBegun,
    ParentEnded,
    Record,
)
from accounts.models import Intent, Order
from accounts.recorder import EnhancedTradeRecorder
from core import wire
from core.clock import Clock
from core.errors import InvalidInput
from core.patience import patient

log = logging.getLogger(__name__)

# An answer says "unknown" for orders that nobody can tell of after so long.
RESULT_SECONDS = 5.0
NO_JOURNAL = "the journal cannot be written, so nothing was sent"
FAILED = frozenset({"refused", "not_sent"})


def shut(name: str) -> str:
    """Return why nothing can be sent for an account that has no desk."""
    return f"account {name} is not open in the trader"


@dataclass(frozen=True)
class Ticket:
    """One order and where it goes."""

    account: int
    order: NewOrder


class Placing:
    """Sends orders on the desks of one process."""

    def __init__(
        self,
        venue: str,
        desks: Mapping[int, Desk],
        recorder: EnhancedTradeRecorder,
        clock: Clock,
    ) -> None:
        self._venue = venue
        self._desks = desks
        self._recorder = recorder
        self._clock = clock

    # -- opening ----------------------------------------------------------------

    async def place(self, intent: Intent, wanted: PlaceOrder) -> IntentResult:
        """Send an order over accounts; raises ``InvalidInput``."""
        await self._recorder.flush()
        ready = {number: desk.ready for number, desk in self._desks.items()}
        ids, plan = await database_sync_to_async(read.plan_for)(
            self._venue, wanted, intent.actor, ready
        )
        if not plan.takers:
            return _nobody(plan)
        tickets = [
            Ticket(ids[share.account], new_order(intent, wanted, ids, share))
            for share in plan.takers
        ]
        parent = ParentBegun(
            intent=str(intent.id),
            venue=self._venue,
            symbol=wanted.symbol,
            side=wanted.side,
            order_type=wanted.order_type,
            quantity=wanted.quantity,
            strategy=wanted.strategy,
            policy=wanted.policy,
            at=self._clock.now_ms(),
            plan=_told(plan),
        )
        outcomes = await self._send(tickets, intent, parent)
        if outcomes is None:
            unsent = [
                AccountResult(one.account, "not_sent", NO_JOURNAL)
                for one in plan.takers
            ]
            return IntentResult(message=NO_JOURNAL, accounts=tuple(unsent))
        return await self.settle(intent, wanted, tickets, outcomes, plan)

    async def _send(
        self, tickets: Sequence[Ticket], intent: Intent, parent: ParentBegun | None
    ) -> dict[str, Outcome] | None:
        """Journal all, then send all at once; None: the journal refused."""
        at = self._clock.now_ms()
        name = str(intent.id) if parent else ""
        records = [Record(tickets[0].account, parent)] if parent else []
        records += [
            Record(one.account, OrderBegun(one.order, at, name)) for one in tickets
        ]
        try:
            await asyncio.to_thread(self._recorder.write_ahead, records)
        except JournalUnavailable as error:
            log.error("nothing is sent: %s", error)
            return None
        found = await asyncio.gather(*(self._place(one) for one in tickets))
        return {
            one.order.client_id: outcome
            for one, outcome in zip(tickets, found, strict=True)
        }

    async def _place(self, ticket: Ticket) -> Outcome:
        desk = self._desks.get(ticket.account)
        if desk is None:
            text, at = "the account was closed meanwhile", self._clock.now_ms()
            body = OrderNeverSent(ticket.order.client_id, text, at)
            self._recorder.put([Record(ticket.account, body)])
            return Outcome("not_sent", message=text)
        return await desk.place(ticket.order)

    # -- what came of it --------------------------------------------------------

    async def settle(
        self,
        intent: Intent,
        wanted: PlaceOrder,
        tickets: Sequence[Ticket],
        outcomes: Mapping[str, Outcome],
        plan: Plan | None = None,
    ) -> IntentResult:
        """Wait for what is unknown, unwind if that is wanted, and tell how it stands."""
        waits_for_all = wanted.policy == "unwind" and len(tickets) > 1
        await self._resolve(
            tickets, outcomes, None if waits_for_all else RESULT_SECONDS
        )
        await self._recorder.flushed()
        results = await patient(read.order_results, outcomes)
        failed = [one for one in results if one.outcome in FAILED]
        message = "; ".join(dict.fromkeys(one.message for one in failed if one.message))
        if failed and wanted.policy == "unwind" and len(failed) < len(results):
            message = await self._unwind(intent, tickets, outcomes, message)
            results = await patient(read.order_results, outcomes)
        parent = await patient(read.parent_of, intent.id)
        return IntentResult(
            message=message,
            parent=parent.id if parent else None,
            parent_state=parent.state if parent else "",
            left=plan.distribution.left if plan else Decimal(0),
            codes=tuple(plan.codes) if plan else (),
            accounts=(*results, *(_skipped(plan) if plan else ())),
        )

    async def _resolve(
        self,
        tickets: Sequence[Ticket],
        outcomes: Mapping[str, Outcome],
        seconds: float | None,
    ) -> None:
        """Wait until the exchange has told of the orders whose outcome is unknown."""
        asked = [
            desk.ask(order_ref(one.order))
            for one in tickets
            if outcomes[one.order.client_id].kind == "unknown"
            and (desk := self._desks.get(one.account)) is not None
        ]
        if asked:
            await asyncio.wait(asked, timeout=seconds)

    # -- closing again ----------------------------------------------------------

    async def _unwind(
        self,
        intent: Intent,
        tickets: Sequence[Ticket],
        outcomes: Mapping[str, Outcome],
        why: str,
    ) -> str:
        """Cancel what rests and close what was filled, on every account that did it."""
        log.warning("intent %s is unwound: %s", intent.id, why)
        alive = [
            one
            for one in tickets
            if outcomes[one.order.client_id].kind in ("done", "unknown")
        ]
        await asyncio.gather(*(self._withdraw(one) for one in alive))
        await self._recorder.flushed()
        rows = await patient(_rows, [one.order.client_id for one in alive])
        closing = [
            Ticket(row.account_id, closing_order(row, intent))
            for row in rows
            if row.filled
        ]
        known = await patient(_rows, [one.order.client_id for one in closing])
        there = {row.client_id for row in known}
        fresh = [one for one in closing if one.order.client_id not in there]
        text = f"unwound, because: {why}"
        left = [f"{row} is {row.state}" for row in rows if row.state in OPEN]
        if fresh:
            left += await self._close_again(fresh, intent)
        if left:
            # The parent stays what its children make it: not all of it was undone.
            log.error("intent %s is not unwound: %s", intent.id, left)
            return f"to be {text}; BUT NOT CLOSED AGAIN: {'; '.join(left)}"
        body = ParentEnded(str(intent.id), "unwound", self._clock.now_ms())
        self._recorder.put([Record(tickets[0].account, body)])
        await self._recorder.flushed()
        return text

    async def _withdraw(self, ticket: Ticket) -> None:
        """Cancel an order if it rests, and learn how it ended."""
        desk = self._desks.get(ticket.account)
        if desk is None:
            return
        ref = order_ref(ticket.order)
        news = await desk.ask(ref)
        if news is None or news.status not in OPEN:
            return
        outcome = await desk.changed(ref, desk.gateway.cancel(ref))
        if outcome.news is None:
            await desk.ask(ref)

    async def _close_again(
        self, tickets: Sequence[Ticket], intent: Intent
    ) -> list[str]:
        """Send the opposite, as orders without a parent; returns what is not closed."""
        outcomes = await self._send(tickets, intent, None)
        if outcomes is None:
            return [NO_JOURNAL]
        await self._resolve(tickets, outcomes, None)
        await self._recorder.flushed()
        results = await patient(read.order_results, outcomes)
        return [
            f"{one.account}: {one.filled:f} of {one.quantity:f}, {one.message or one.state}"
            for one in results
            if one.state != "filled"
        ]

    # -- closing positions ------------------------------------------------------

    async def close(self, intent: Intent, wanted: ClosePosition) -> IntentResult:
        """Close positions at the market, each by an order that only reduces."""
        await self._recorder.flush()
        held = await database_sync_to_async(read.positions_held)(
            self._venue,
            wanted.accounts,
            wanted.group,
            wanted.symbol,
            wanted.position_side,
        )
        tickets: list[Ticket] = []
        results: list[AccountResult] = []
        codes: list[str] = []
        for number, one in enumerate(held):
            desk = self._desks.get(one.account)
            try:
                plan = await database_sync_to_async(read.plan_close)(
                    self._venue,
                    one,
                    intent.actor,
                    ready=desk is not None and desk.ready,
                )
            except InvalidInput as error:
                # Of a contract that is listed no more, say; the others are closed.
                text = str(error)
                results.append(
                    AccountResult(one.name, "refused", text, symbol=one.symbol)
                )
                continue
            if not plan.takers or desk is None:
                results += _skipped(plan, one.symbol)
                codes += plan.codes
                continue
            order = reducing_order(intent, one, number, plan.takers[0].quantity)
            tickets.append(Ticket(one.account, order))
        if tickets:
            outcomes = await self._send(tickets, intent, None)
            if outcomes is None:
                names = {one.account: one.name for one in held}
                results += [
                    AccountResult(
                        names[one.account],
                        "not_sent",
                        NO_JOURNAL,
                        symbol=one.order.symbol,
                    )
                    for one in tickets
                ]
                return IntentResult(message=NO_JOURNAL, accounts=tuple(results))
            await self._resolve(tickets, outcomes, RESULT_SECONDS)
            await self._recorder.flushed()
            results += await patient(read.order_results, outcomes)
        message = "" if held else "nothing is held"
        return IntentResult(
            message=message, accounts=tuple(results), codes=tuple(dict.fromkeys(codes))
        )


def _rows(names: Sequence[str]) -> list[Order]:
    return list(Order.objects.filter(client_id__in=names))


def _nobody(plan: Plan) -> IntentResult:
    texts = dict.fromkeys(
        reason.text for each in plan.reasons.values() for reason in each
    )
    found = "; ".join(texts) or "no account can take a part of it"
    return IntentResult(
        message=found,
        left=plan.distribution.left,
        codes=plan.codes,
        accounts=_skipped(plan),
    )


def _skipped(plan: Plan, symbol: str = "") -> tuple[AccountResult, ...]:
    return tuple(
        AccountResult(
            one.account,
            "skipped",
            one.reason,
            symbol=symbol,
            codes=tuple(
                dict.fromkeys(each.code for each in plan.reasons.get(one.account, ()))
            ),
        )
        for one in plan.distribution.shares
        if not one.quantity
    )


def _told(plan: Plan) -> dict[str, Any]:
    """Return the plan as it is stored with the parent."""
    told: dict[str, Any] = wire.decode(
        wire.encode(
            {
                "price": plan.price,
                "left": plan.distribution.left,
                "shares": [asdict(one) for one in plan.distribution.shares],
            }
        )
    )
    return told
