"""Many accounts from a script: added in memory, stored and traded when awaited.

Orders go the way of all orders: an intent that the trader of this installation takes.
"""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import close_old_connections
from pydantic import SecretStr

from accounts import account_services, intents, performance_selectors, trader_status
from accounts.domain.distribution import Strategy
from accounts.intent_documents import PlaceOrder, parse, parse_result
from accounts.models import AccountGroup, ExchangeAccount
from accounts.models.exchange_accounts import AccountType, Mode
from accounts.models.orders import IntentKind
from accounts.pnl_selectors import Period
from accounts.position_selectors import merged_positions
from accounts.services import ADMIN
from core.clock import now_ms
from core.errors import Conflict, InvalidInput, QuantaiError, Retryable

__all__ = ["AccountType", "MultiAccountManager", "OrderFailed", "OrderNotAnswered"]

log = logging.getLogger(__name__)

OPEN_SECONDS = 15.0
LOOK_SECONDS = 0.2
DAY_MS = 86_400_000
REPORT_DAYS = 90
WORDS = {"type": "order_type"}


class OrderNotAnswered(Retryable):
    """The trader has not answered in time; ``intent`` says where the answer will be."""

    def __init__(self, intent: str, seconds: float) -> None:
        super().__init__(
            f"the trader has not answered within {seconds:g} s; see intent {intent}"
        )
        self.intent = intent


class OrderFailed(QuantaiError):
    """Nothing came of the order on any account; ``intent`` says where that stands."""

    def __init__(self, intent: str, message: str) -> None:
        super().__init__(f"{message or 'it failed'} (intent {intent})")
        self.intent = intent


@dataclass(frozen=True)
class _Added:
    """An account as it was given; the secrets do not show in ``repr``."""

    name: str
    account_type: AccountType
    weight: Decimal
    group: str
    mode: Mode
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


class MultiAccountManager:
    """Accounts of one venue, orders over them, what they hold and how they did.

    ``actor`` is the user whose role the trader asks for.
    """

    def __init__(self, *, venue: str = "", actor: str = ADMIN) -> None:
        self._venue = venue or settings.QUANTAI.site.exchange
        self._actor = actor
        self._added: dict[str, _Added] = {}
        self._stored: set[str] = set()

    def add_account(
        self,
        account_id: str,
        account_type: AccountType | str = AccountType.PRIMARY,
        api_key: str = "",
        api_secret: str = "",
        weight: Decimal | float | str = 1,
        group: str = "",
        mode: Mode | str = Mode.PAPER,
    ) -> None:
        """Add an account, in memory; the next awaited call stores it.

        Raises ``InvalidInput``, and ``Conflict`` for one that was added already.
        """
        if account_id in self._added:
            raise Conflict("account_id", account_id, "was added already")
        number = Decimal(str(weight))
        if not number.is_finite() or number < 0:
            raise InvalidInput("weight", weight, "must be a finite number, 0 or more")
        self._added[account_id] = _Added(
            name=account_id,
            account_type=AccountType(account_type),
            weight=number,
            group=group,
            mode=Mode(mode),
            api_key=api_key,
            api_secret=api_secret,
        )

    async def distribute_order(
        self,
        order: Mapping[str, Any],
        strategy: Strategy = "weighted",
        *,
        policy: str = "continue",
        wait_seconds: float = 10.0,
    ) -> dict[str, dict[str, Any]]:
        """Send an order over the accounts; returns what came of it by account.

        ``order`` has the words of ``PlaceOrder``: ``symbol``, ``side``, ``quantity`` …
        Raises ``InvalidInput``, ``TraderAbsent``, ``BusUnavailable``,
        ``OrderNotAnswered`` and ``OrderFailed``.
        """
        wanted = self._order(order, strategy, policy)
        await self._store()
        intent = await database_sync_to_async(intents.intent_submit)(
            payload=wanted, actor=self._actor, source="script", venue=self._venue
        )
        ended = await intents.intent_wait_async(intent.id, wait_seconds)
        if ended.ended_at is None:
            raise OrderNotAnswered(str(intent.id), wait_seconds)
        answer = parse_result(ended.result)
        if answer.broken is not None:
            raise answer.broken.error()
        if not answer.accounts:
            raise OrderFailed(str(intent.id), answer.message)
        return {one.account: asdict(one) for one in answer.accounts}

    async def get_merged_positions(self) -> dict[str, dict[str, Any]]:
        """Return what all accounts of the venue hold, by symbol."""
        await self._store()
        found = await database_sync_to_async(merged_positions)(venue=self._venue)
        return {one["symbol"]: one for one in found["positions"]}

    def generate_performance_report(self, days: int = REPORT_DAYS) -> dict[str, Any]:
        """Return ``total_accounts``, ``account_groups`` (accounts by group) and how the
        accounts did in the last ``days``, per account, group and in all.

        Inside a running event loop the database is read in a thread of its own.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._report(days)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._report_in_thread, days).result()

    # -- parts ------------------------------------------------------------------

    def _order(
        self, order: Mapping[str, Any], strategy: Strategy, policy: str
    ) -> PlaceOrder:
        payload = {WORDS.get(name, name): value for name, value in order.items()}
        for name, value in payload.items():
            if isinstance(value, float | int | Decimal) and not isinstance(value, bool):
                payload[name] = str(value)
        if "accounts" not in payload and "group" not in payload:
            payload["accounts"] = sorted(self._added)
        payload |= {"strategy": strategy, "policy": policy}
        found = parse(IntentKind.PLACE, payload)
        assert isinstance(found, PlaceOrder)
        return found

    async def _store(self) -> None:
        """Make rows of what was added; wait until a running trader has opened them."""
        fresh = [one for name, one in self._added.items() if name not in self._stored]
        if not fresh:
            return
        await database_sync_to_async(self._store_all)(fresh)
        self._stored |= {one.name for one in fresh}
        if await database_sync_to_async(intents.trader_alive)(self._venue):
            await self._opened({one.name for one in fresh})

    def _store_all(self, fresh: list[_Added]) -> None:
        for one in fresh:
            known = ExchangeAccount.objects.filter(venue=self._venue, name=one.name)
            account = known.first() or account_services.account_create(
                actor=self._actor,
                venue=self._venue,
                name=one.name,
                account_type=one.account_type.value,
                weight=one.weight,
                group=self._group(one.group),
                mode=one.mode.value,
            )
            if one.api_key and one.api_secret and not account.api_key_cipher:
                account_services.keys_set(
                    account,
                    actor=self._actor,
                    api_key=SecretStr(one.api_key),
                    api_secret=SecretStr(one.api_secret),
                )

    def _group(self, name: str) -> AccountGroup | None:
        if not name:
            return None
        known = AccountGroup.objects.filter(name=name).first()
        return known or account_services.group_create(actor=self._actor, name=name)

    async def _opened(self, names: set[str]) -> None:
        """Wait for the trader; an account that stays shut is told with the order."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._all_open(names)
        except TimeoutError:
            log.warning("the trader has not opened %s yet", ", ".join(sorted(names)))

    async def _all_open(self, names: set[str]) -> None:
        look = database_sync_to_async(trader_status.accounts_open)
        while True:
            if names <= await look(self._venue):
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _report_in_thread(self, days: int) -> dict[str, Any]:
        try:
            return self._report(days)
        finally:
            close_old_connections()

    def _report(self, days: int) -> dict[str, Any]:
        now = now_ms()
        rows = ExchangeAccount.objects.select_related("group").filter(venue=self._venue)
        stored = list(rows)
        told = performance_selectors.report(
            stored, Period(now - days * DAY_MS, now + 1)
        )
        names = {one.name: one.group.name if one.group else "" for one in stored}
        names |= {name: one.group for name, one in self._added.items()}
        groups: dict[str, int] = {}
        for group in names.values():
            if group:
                groups[group] = groups.get(group, 0) + 1
        return told | {"total_accounts": len(names), "account_groups": groups}
