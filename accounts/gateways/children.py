"""What conditional orders became: events of such an order carry the conditional's id.

The exchange gives the order a client id of its own and may tell of it before it says whose
it is. So an order nobody here knows, on a symbol and side where a conditional order is
held, waits for a moment to be named. One that is not named is somebody else's.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import TypeVar

from accounts.domain.exchange import AccountEvent, FillNews, OrderNews

WAIT_SECONDS = 1.0
KEPT = 1_000
News = TypeVar("News", bound=AccountEvent)


class Children:
    """Names of orders that conditional orders became, by their exchange ids."""

    def __init__(self) -> None:
        self._parents: OrderedDict[int, str] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        # Conditional orders that are held: client id → symbol and side.
        self._held: dict[str, tuple[str, str]] = {}
        self._waiting: dict[int, tuple[float, list[AccountEvent]]] = {}

    def knows(self, client_id: str) -> bool:
        """Whether this order was placed here or told of before."""
        return client_id in self._known

    def know(self, client_id: str) -> None:
        """This order is no conditional's child."""
        self._known[client_id] = None
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def learn(self, news: OrderNews) -> None:
        """Take what is held, and what became of it, from any source."""
        ref = news.ref
        if not ref.algo:
            return
        if news.status == "held":
            self._held[ref.client_id] = (ref.symbol, news.side)
        else:
            self._held.pop(ref.client_id, None)
        if news.triggered_id is not None:
            self._parents[news.triggered_id] = ref.client_id
            while len(self._parents) > KEPT:
                self._parents.popitem(last=False)

    def renamed(self, news: News) -> News:
        """Give what a conditional order became the conditional's own client id."""
        if isinstance(news, OrderNews) and not news.ref.algo:
            parent = self._parents.get(news.ref.exchange_id or 0)
            if parent is not None:
                ref = replace(news.ref, client_id=parent, algo=True)
                return replace(news, ref=ref, triggered_id=news.ref.exchange_id)
        elif isinstance(news, FillNews) and news.exchange_id in self._parents:
            return replace(news, client_id=self._parents[news.exchange_id])
        return news

    def told(self, news: AccountEvent, now: float) -> list[AccountEvent]:
        """Return what can be told now that this was heard (``now`` monotonic)."""
        if isinstance(news, OrderNews) and news.ref.algo:
            self.learn(news)
            self.know(news.ref.client_id)
            if news.triggered_id is None:
                return [news]
            _, waited = self._waiting.pop(news.triggered_id, (0.0, []))
            return [news, *(self.renamed(each) for each in waited)]
        if self._must_wait(news):
            number = _number(news)
            _, waited = self._waiting.setdefault(number, (now + WAIT_SECONDS, []))
            waited.append(news)
            return []
        if isinstance(news, OrderNews):
            self.know(news.ref.client_id)
        return [self.renamed(news)]

    def _must_wait(self, news: AccountEvent) -> bool:
        number = _number(news)
        if not number or number in self._parents:
            return False
        if number in self._waiting:
            return True
        return (
            isinstance(news, OrderNews)
            and not self.knows(news.ref.client_id)
            and (news.ref.symbol, news.side) in self._held.values()
        )

    def overdue(self, now: float) -> list[AccountEvent]:
        """Return what waited in vain: it is nobody's child."""
        late = [number for number, (due, _) in self._waiting.items() if now >= due]
        found: list[AccountEvent] = []
        for number in late:
            for news in self._waiting.pop(number)[1]:
                if isinstance(news, OrderNews):
                    self.know(news.ref.client_id)
                found.append(news)
        return found


def _number(news: AccountEvent) -> int:
    """Return the exchange's number of the order that the news is of; 0: of none."""
    if isinstance(news, OrderNews):
        return news.ref.exchange_id or 0
    return news.exchange_id if isinstance(news, FillNews) else 0
