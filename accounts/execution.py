"""Does what intents ask for, on the desks of this process, and says what came of it.

Every handler gathers one ``AccountResult`` per account. Orders are journalled before
anything is sent, all of an intent together, and sent to all accounts at once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from channels.db import database_sync_to_async

from accounts import execution_facts as read
from accounts.desk import Desk
from accounts.domain.exchange import ConfigNews, OrderRef, Outcome
from accounts.execution_facts import Target
from accounts.gateway import GatewayRefused, GatewayUnavailable
from accounts.intent_documents import (
    AccountResult,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ClosePosition,
    IntentResult,
    PaperReset,
    Payload,
    PlaceOrder,
    Reconcile,
    SetLeverage,
    SetMarginType,
    SetPositionMode,
    refusal,
)
from accounts.journal_records import Body, Record, Wiped
from accounts.models import Intent
from accounts.models.orders import IntentState
from accounts.placing import Placing, shut
from accounts.recorder import EnhancedTradeRecorder
from core.clock import Clock
from core.errors import Conflict, InvalidInput
from core.patience import TRANSIENT, patient

log = logging.getLogger(__name__)

COMPARE_SECONDS = 30.0
Answer = TypeVar("Answer")


class Execution:
    """``desks`` by account id, as they are at each moment."""

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
        self.placing = Placing(venue, desks, recorder, clock)
        self._handlers: dict[type[Payload], Callable[..., Awaitable[IntentResult]]] = {
            PlaceOrder: self.placing.place,
            ClosePosition: self.placing.close,
            CancelOrder: self._cancel,
            CancelAll: self._cancel_all,
            AmendOrder: self._amend,
            SetLeverage: self._leverage,
            SetMarginType: self._margin_type,
            SetPositionMode: self._position_mode,
            Reconcile: self._reconcile,
            PaperReset: self._paper_reset,
        }

    async def run(
        self, intent: Intent, payload: Payload
    ) -> tuple[IntentState, IntentResult]:
        """Do it; returns how it ended and the answer.

        A database that is away before anything is sent ends it; afterwards it is waited
        for.
        """
        begun = time.monotonic()
        try:
            result = await self._handlers[type(payload)](intent, payload)
        except InvalidInput as error:
            state, result = IntentState.REFUSED, refusal(error)
        except TRANSIENT as error:
            text = f"the database is away, so nothing was sent: {error}"
            state, result = IntentState.FAILED, IntentResult(message=text)
        else:
            state = state_of(result)
        return state, replace(result, seconds=round(time.monotonic() - begun, 4))

    # -- orders that exist ------------------------------------------------------

    async def _cancel(self, intent: Intent, wanted: CancelOrder) -> IntentResult:
        target = await self._target(intent, wanted.order)
        desk = self._desks.get(target.account)
        if desk is None:
            return _closed(target)
        outcome = await desk.changed(target.ref, desk.gateway.cancel(target.ref))
        return await self._one(target, desk, outcome)

    async def _amend(self, intent: Intent, wanted: AmendOrder) -> IntentResult:
        target = await self._target(intent, wanted.order)
        desk = self._desks.get(target.account)
        if desk is None:
            return _closed(target)
        quantity = wanted.quantity or target.facts.quantity
        price = wanted.price or target.facts.price
        refusal: IntentResult | None = await database_sync_to_async(read.amend_refusal)(
            self._venue, target, quantity, price, intent.actor, ready=desk.ready
        )
        if refusal is not None:
            return refusal
        job = desk.gateway.amend(
            target.ref, side=target.facts.side, quantity=quantity, price=price
        )
        outcome = await desk.changed(target.ref, job)
        return await self._one(target, desk, outcome)

    async def _target(self, intent: Intent, order: int) -> Target:
        await self._allowed(intent)
        await self._recorder.flush()
        return await self._ask(read.target, self._venue, order)

    async def _one(self, target: Target, desk: Desk, outcome: Outcome) -> IntentResult:
        if outcome.kind == "unknown":
            await asyncio.wait([desk.ask(target.ref)], timeout=COMPARE_SECONDS)
        await self._recorder.flushed()
        found = await patient(
            read.order_results, {target.facts.client_id: outcome}, target.account
        )
        return IntentResult(message=outcome.message, accounts=tuple(found))

    async def _cancel_all(self, intent: Intent, wanted: CancelAll) -> IntentResult:
        await self._allowed(intent)
        await self._recorder.flush()
        open_orders = await self._ask(
            read.open_orders,
            self._venue,
            wanted.accounts,
            wanted.group,
            wanted.symbol,
        )
        found = await asyncio.gather(
            *(
                self._cancel_symbols(account, name, refs)
                for (account, name), refs in open_orders.items()
            )
        )
        await self._recorder.flushed()
        return IntentResult(accounts=tuple(one for part in found for one in part))

    async def _cancel_symbols(
        self, account: int, name: str, refs: Sequence[OrderRef]
    ) -> list[AccountResult]:
        """Cancel by symbol, then ask how each order ended."""
        desk = self._desks.get(account)
        if desk is None:
            return [AccountResult(name, "not_sent", shut(name))]
        symbols = sorted({ref.symbol for ref in refs})
        outcomes = await asyncio.gather(*(desk.gateway.cancel_all(s) for s in symbols))
        asked = [desk.ask(ref) for ref in refs]
        await asyncio.wait(asked, timeout=COMPARE_SECONDS)
        return [
            _account_result(name, outcome, symbol)
            for symbol, outcome in zip(symbols, outcomes, strict=True)
        ]

    # -- settings of accounts ---------------------------------------------------

    async def _leverage(self, intent: Intent, wanted: SetLeverage) -> IntentResult:
        async def change(desk: Desk) -> AccountResult:
            outcome = await desk.gateway.set_leverage(wanted.symbol, wanted.leverage)
            news = ConfigNews(self._now(), wanted.symbol, leverage=wanted.leverage)
            return self._changed(desk, outcome, news, wanted.symbol)

        await self._ask(read.contract_known, self._venue, wanted.symbol)
        return await self._everywhere(intent, wanted.accounts, wanted.group, change)

    async def _margin_type(self, intent: Intent, wanted: SetMarginType) -> IntentResult:
        async def change(desk: Desk) -> AccountResult:
            outcome = await desk.gateway.set_margin_type(
                wanted.symbol, wanted.margin_type
            )
            news = ConfigNews(
                self._now(), wanted.symbol, margin_type=wanted.margin_type
            )
            return self._changed(desk, outcome, news, wanted.symbol)

        await self._ask(read.contract_known, self._venue, wanted.symbol)
        return await self._everywhere(intent, wanted.accounts, wanted.group, change)

    async def _position_mode(
        self, intent: Intent, wanted: SetPositionMode
    ) -> IntentResult:
        async def change(desk: Desk) -> AccountResult:
            outcome = await desk.gateway.set_position_mode(hedge=wanted.hedge)
            news = ConfigNews(self._now(), hedge=wanted.hedge)
            return self._changed(desk, outcome, news)

        return await self._everywhere(intent, wanted.accounts, wanted.group, change)

    async def _reconcile(self, intent: Intent, wanted: Reconcile) -> IntentResult:
        async def change(desk: Desk) -> AccountResult:
            desk.want_comparison("asked")
            try:
                async with asyncio.timeout(COMPARE_SECONDS):
                    await desk.compared.wait()
            except TimeoutError:
                text = desk.problem or "it is not compared yet"
                return AccountResult(desk.name, "not_sent", text)
            return AccountResult(desk.name, "done")

        return await self._everywhere(intent, wanted.accounts, wanted.group, change)

    async def _paper_reset(self, intent: Intent, wanted: PaperReset) -> IntentResult:
        balances = await self._ask(read.starting_balances, self._venue, wanted.accounts)

        async def change(desk: Desk) -> AccountResult:
            reset = getattr(desk.gateway, "reset", None)
            if reset is None:
                return AccountResult(desk.name, "refused", "it is no paper account")
            balance = balances[desk.account]
            outcome: Outcome = await reset(balance)
            return self._changed(desk, outcome, Wiped(self._now(), balance))

        return await self._everywhere(intent, wanted.accounts, "", change)

    def _changed(
        self, desk: Desk, outcome: Outcome, body: Body, symbol: str = ""
    ) -> AccountResult:
        if outcome.kind == "done":
            self._recorder.put([Record(desk.account, body)])
        elif outcome.kind == "unknown":
            desk.want_comparison("unknown outcome")
        return _account_result(desk.name, outcome, symbol)

    async def _everywhere(
        self,
        intent: Intent,
        accounts: Iterable[str],
        group: str,
        change: Callable[[Desk], Awaitable[AccountResult]],
    ) -> IntentResult:
        """Do the same on every account that is meant, at once."""
        await self._allowed(intent)
        names = await self._ask(read.account_names, self._venue, accounts, group)

        async def one(account: int, name: str) -> AccountResult:
            desk = self._desks.get(account)
            if desk is None:
                return AccountResult(name, "not_sent", shut(name))
            try:
                return await change(desk)
            except (GatewayUnavailable, GatewayRefused) as error:
                return AccountResult(name, "not_sent", str(error))

        found = await asyncio.gather(*(one(*each) for each in names.items()))
        await self._recorder.flushed()
        return IntentResult(accounts=tuple(found))

    # -- parts ------------------------------------------------------------------

    async def _allowed(self, intent: Intent) -> None:
        if not await self._ask(read.may_trade, intent.actor):
            raise Conflict("actor", intent.actor, "has no right to trade")

    async def _ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        found: Answer = await database_sync_to_async(question)(*arguments)
        return found

    def _now(self) -> int:
        return self._clock.now_ms()


def state_of(result: IntentResult) -> IntentState:
    """Return how an intent ended: refused where every account was, failed where nothing
    came of it, else done.
    """
    outcomes = {one.outcome for one in result.accounts} - {"skipped"}
    if outcomes & {"done", "unknown"}:
        return IntentState.DONE
    if outcomes & {"not_sent"}:
        return IntentState.FAILED
    if outcomes or result.codes or (result.accounts and not outcomes):
        return IntentState.REFUSED
    return IntentState.DONE


def _closed(target: Target) -> IntentResult:
    text = shut(target.name)
    found = AccountResult(target.name, "not_sent", text, order=target.order)
    return IntentResult(message=text, accounts=(found,))


def _account_result(name: str, outcome: Outcome, symbol: str = "") -> AccountResult:
    return AccountResult(
        name,
        outcome.kind,
        outcome.message,
        symbol=symbol,
        error_code=outcome.code,
    )
