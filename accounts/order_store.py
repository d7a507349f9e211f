"""Orders of accounts that a batch of records concerns: as they are, as they become."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db.models import Q

from accounts.domain.client_ids import is_ours
from accounts.domain.exchange import FillNews, OrderNews
from accounts.domain.order_life import FOUND, OrderFacts, adopted, begun, told
from accounts.journal_records import (
    Body,
    OrderAnswered,
    OrderBegun,
    OrderNeverSent,
    Record,
)
from accounts.models import ExchangeAccount, Order

FACTS = tuple(OrderFacts.__dataclass_fields__)
CLIENT_ID_LENGTH = 40


class Orders:
    """The orders of one account that a batch concerns: as they are, as they become."""

    def __init__(self, account: ExchangeAccount, rows: Iterable[Order]) -> None:
        self.account = account
        self.facts: dict[str, OrderFacts] = {}
        self.parents: dict[str, int | None] = {}
        self.ids: dict[str, int] = {}
        self.changed: set[str] = set()
        self._numbers: dict[tuple[str, int], str] = {}
        for row in rows:
            known = facts_of(row)
            self.facts[known.client_id] = known
            self.parents[known.client_id] = row.parent_id
            self.ids[known.client_id] = row.id
            self._number(known)

    def _number(self, known: OrderFacts) -> None:
        if known.exchange_id is not None:
            self._numbers[known.symbol, known.exchange_id] = known.client_id

    def put(self, known: OrderFacts) -> None:
        """Keep what is known now."""
        if self.facts.get(known.client_id) != known:
            self.facts[known.client_id] = known
            self.changed.add(known.client_id)
            self._number(known)

    def begun(self, body: OrderBegun) -> None:
        """Take an order that is about to be sent; it may have come to light already."""
        known = self.facts.get(body.order.client_id)
        if known is None:
            self.put(begun(body.order, body.at))
        elif known.external or known.reason == FOUND:
            self.put(replace(known, external=False, created_at=body.at, reason=""))

    def by_number(self, symbol: str, number: int | None) -> str | None:
        """Return the client id of the exchange's order."""
        return self._numbers.get((symbol, number or 0))

    def news(self, news: OrderNews) -> None:
        """Take what the exchange tells of an order, ours or not."""
        number = None if news.ref.algo else news.ref.exchange_id
        name = self.by_number(news.ref.symbol, number) or news.ref.client_id
        known = self.facts.get(name)
        if known is not None and _is_another(known, news, number):
            # Ids are unique among open orders only.
            name = f"{name[: CLIENT_ID_LENGTH - 20]}#{number}"
            known = self.facts.get(name)
        if known is None:
            found = adopted(news, ours=is_ours(name))
            self.put(replace(found, client_id=name))
        else:
            self.put(told(known, news))


def _is_another(known: OrderFacts, news: OrderNews, number: int | None) -> bool:
    if known.symbol != news.ref.symbol:
        return True
    return (
        not known.algo
        and number is not None
        and known.exchange_id not in (None, number)
    )


def facts_of(row: Order) -> OrderFacts:
    """Return what is known of a stored order."""
    values: dict[str, Any] = {name: getattr(row, name) for name in FACTS}
    return OrderFacts(**values)


def orders_named(records: Iterable[Record]) -> dict[int, list[Order]]:
    """Return the stored orders that records speak of, by account."""
    names: set[str] = set()
    numbers: set[int] = set()
    accounts: set[int] = set()
    for record in records:
        accounts.add(record.account)
        _note(record.body, names, numbers)
    names.discard("")
    found: dict[int, list[Order]] = {}
    if names or numbers:
        rows = Order.objects.filter(
            Q(client_id__in=names) | Q(exchange_id__in=numbers), account_id__in=accounts
        )
        for row in rows:
            found.setdefault(row.account_id, []).append(row)
    return found


def _note(body: Body, names: set[str], numbers: set[int]) -> None:
    if isinstance(body, OrderBegun):
        names.add(body.order.client_id)
    elif isinstance(body, OrderAnswered):
        names.add(body.client_id)
        _refer(body.outcome.news, names, numbers)
        numbers |= {fill.exchange_id for fill in body.outcome.fills}
    elif isinstance(body, OrderNeverSent):
        names.add(body.client_id)
    elif isinstance(body, OrderNews):
        _refer(body, names, numbers)
    elif isinstance(body, FillNews):
        names.add(body.client_id)
        numbers.add(body.exchange_id)


def _refer(news: OrderNews | None, names: set[str], numbers: set[int]) -> None:
    if news is None:
        return
    names.add(news.ref.client_id)
    number = news.ref.exchange_id
    if number is not None:
        numbers.add(number)
        names.add(f"{news.ref.client_id[: CLIENT_ID_LENGTH - 20]}#{number}")
