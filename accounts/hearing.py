"""What the private stream of one account must tell of, and what is done when it does not.

An order that was acknowledged is asked for when the stream is silent about it, and
executions that are told only as a sum are fetched. Where something was not heard, more
may have been dropped with it, so the account is compared, once a minute at most.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from accounts.domain.exchange import AccountEvent, FillNews, OrderNews, OrderRef
from accounts.domain.executions import Executions, Key
from accounts.domain.order_life import OPEN
from accounts.gateway import Gateway, GatewayRefused, GatewayUnavailable
from core.clock import Clock

log = logging.getLogger(__name__)

# How long the stream has; it tells within a tenth of that when it is well.
HEAR_SECONDS = 1.0
# The exchange may list an execution later than it tells of it.
AGAIN_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
COMPARE_SECONDS = 60.0
KEPT = 1_000


class Hearing:
    """``keep`` takes executions that were fetched, ``ask`` asks for an order later,
    ``compare`` wants the account compared.
    """

    def __init__(
        self,
        gateway: Gateway,
        clock: Clock,
        *,
        keep: Callable[[Iterable[FillNews]], None],
        ask: Callable[[OrderRef], None],
        compare: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._keep = keep
        self._ask = ask
        self._compare = compare
        self._executions = Executions()
        self._named: OrderedDict[str, None] = OrderedDict()
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._wanted_at = -math.inf

    # -- what is told -----------------------------------------------------------

    def heard(self, event: AccountEvent) -> None:
        """Take what the stream tells."""
        if isinstance(event, FillNews):
            self._executions.add(event, heard=True)
        elif isinstance(event, OrderNews):
            self._named[event.ref.client_id] = None
            if len(self._named) > KEPT:
                self._named.popitem(last=False)
            self.learned(event)

    def learned(self, news: OrderNews | None, fills: Iterable[FillNews] = ()) -> None:
        """Take what an answer tells of an order."""
        for fill in fills:
            self._executions.add(fill, heard=False)
        key = None if news is None else self._executions.told(news)
        if news is not None and key is not None:
            self._begin(key, self._complete(key, news.ref))

    def placed(self, ref: OrderRef, news: OrderNews | None) -> None:
        """An order was acknowledged in this state: the stream must tell of it."""
        if news is None or news.status in OPEN:
            self._begin(ref, self._expect(ref))

    # -- what is done -----------------------------------------------------------

    async def fetch(self, news: OrderNews) -> None:
        """Fetch at once what is owed of an order; what fails is tried again later."""
        key = self._executions.told(news)
        if key is not None and self._executions.owed(key):
            await self._fetch(key)
        self.learned(news)

    async def _complete(self, key: Key, ref: OrderRef) -> None:
        fetched = False
        for pause in (HEAR_SECONDS, *AGAIN_SECONDS):
            await asyncio.sleep(pause)
            if not self._executions.owed(key):
                break
            await self._fetch(key)
            fetched = True
        if fetched:
            # Its average price stood in what was dropped; most answers lack it.
            self._ask(ref)
        if self._executions.owed(key):
            log.error("%s: executions of %s cannot be had", self._gateway.account, key)
            self._executions.excuse(key)
            self._want_comparison()
        elif self._executions.unheard(key):
            log.warning("%s: %s was executed unheard", self._gateway.account, key)
            self._want_comparison()

    async def _fetch(self, key: Key) -> None:
        try:
            fills = await self._gateway.fills_of(key.symbol, key.number)
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("%s: executions of %s: %s", self._gateway.account, key, error)
            return
        self._keep(fills)
        self.learned(None, fills)

    async def _expect(self, ref: OrderRef) -> None:
        await asyncio.sleep(HEAR_SECONDS)
        if ref.client_id not in self._named:
            log.warning("%s: %s is not told of", self._gateway.account, ref.client_id)
            self._ask(ref)

    # -- comparisons ------------------------------------------------------------

    @property
    def turn(self) -> int:
        """How much was told by now; given to ``compared``."""
        return self._executions.turn

    def compared(self, turn: int) -> None:
        """The account was compared; ``turn`` as it was when that began."""
        self._executions.compared(turn)

    def _want_comparison(self) -> None:
        self._begin("comparison", self._compare_later())

    async def _compare_later(self) -> None:
        since = self._clock.monotonic() - self._wanted_at
        await asyncio.sleep(max(COMPARE_SECONDS - since, 0.0))
        self._wanted_at = self._clock.monotonic()
        self._compare()

    # -- life -------------------------------------------------------------------

    def _begin(self, what: object, job: Coroutine[Any, Any, None]) -> None:
        """Do a job unless it is being done."""
        if what in self._tasks:
            job.close()
            return
        task = asyncio.create_task(job)
        self._tasks[what] = task
        task.add_done_callback(lambda _: self._tasks.pop(what, None))

    async def close(self) -> None:
        """End all that is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
