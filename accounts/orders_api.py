"""REST of orders and executions: reading. Writing is in ``trading_api``."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field

from accounts import order_selectors
from accounts.api_parts import MOST, USUAL, file, found, page, router, times, venue
from accounts.live import FILLS, ORDERS
from accounts.order_selectors import Wanted
from core import push
from core.export import Format, Kind

Side = Literal["", "BUY", "SELL"]
# The id of a row, as far as a database counts.
Row = Annotated[int | None, Field(ge=1, lt=2**63)]
ORDER_COLUMNS: dict[str, Kind] = {
    "id": "integer",
    "account": "text",
    "account_badge": "text",
    "parent": "integer",
    "client_id": "text",
    "exchange_id": "text",
    "symbol": "text",
    "side": "text",
    "position_side": "text",
    "type": "text",
    "time_in_force": "text",
    "quantity": "text",
    "filled": "text",
    "price": "text",
    "stop_price": "text",
    "average_price": "text",
    "reduce_only": "boolean",
    "state": "text",
    "external": "boolean",
    "liquidation": "boolean",
    "reason": "text",
    "error_code": "integer",
    "created_at": "integer",
    "sent_at": "integer",
    "acknowledged_at": "integer",
    "updated_at": "integer",
}
FILL_COLUMNS: dict[str, Kind] = {
    "id": "integer",
    "account": "text",
    "account_badge": "text",
    "order": "integer",
    "trade_id": "text",
    "exchange_order_id": "text",
    "symbol": "text",
    "side": "text",
    "position_side": "text",
    "quantity": "text",
    "price": "text",
    "notional": "text",
    "fee": "text",
    "fee_asset": "text",
    "realised": "text",
    "maker": "boolean",
    "at": "integer",
}


class Rows(Schema):
    """Which rows a reader asks for, a page or a file of them; empty means all."""

    account: str = ""
    group: str = ""
    symbol: str = ""
    side: Side = ""
    since: datetime | None = None
    until: datetime | None = None
    after: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1, le=1_000_000)
    file_format: Format | None = Field(None, alias="format")

    @property
    def most(self) -> int | None:
        """How many rows an answer holds; a file holds all that was asked for."""
        if self.file_format is not None:
            return self.limit
        return min(self.limit or USUAL, MOST)

    def wanted(self, **which: Any) -> Wanted:
        """Return it for the selectors, with what only one kind of row has."""
        since, until = times(self.since, self.until)
        return Wanted(
            venue=venue(),
            account=self.account,
            group=self.group,
            symbol=self.symbol.upper(),
            side=self.side,
            since=since,
            until=until,
            after=self.after,
            limit=self.most,
            **which,
        )


class OrderRows(Rows):
    """``state`` is open, closed or one state by name."""

    state: str = ""
    parent: Row = None


class TradeRows(Rows):
    """``order``: those of one order."""

    order: Row = None


@router.get("/orders")
def orders(request: HttpRequest, asked: Query[OrderRows]) -> Any:
    """Orders, newest first; ``state`` is open, closed or one state by name.

    Without ``format`` at most 500 with a cursor, with one a file.
    """
    # Before the rows: an order between the two is told again instead of never.
    position = push.position(ORDERS)
    rows = order_selectors.orders(asked.wanted(state=asked.state, parent=asked.parent))
    if asked.file_format is not None:
        return file(request, "orders", ORDER_COLUMNS, _named(rows), asked.file_format)
    counts = order_selectors.order_counts(venue=venue())
    told = page("orders", rows, asked.most)
    return {"venue": venue(), **told, "counts": counts} | position


@router.get("/orders/{int:order_id}")
def one_order(request: HttpRequest, order_id: int) -> dict[str, Any]:
    """One order with its executions."""
    told = order_selectors.order(venue=venue(), order_id=order_id)
    return found(told, f"order {order_id}")


@router.get("/parents")
def parents(
    request: HttpRequest,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
) -> dict[str, Any]:
    """Orders as they were given, over one or many accounts, with their parts."""
    rows = order_selectors.parents(venue=venue(), after=after, limit=limit)
    return {"venue": venue(), **page("parents", rows, limit)}


@router.get("/parents/{int:parent_id}")
def one_parent(request: HttpRequest, parent_id: int) -> dict[str, Any]:
    """One of them."""
    told = order_selectors.parent(venue=venue(), parent_id=parent_id)
    return found(told, f"parent order {parent_id}")


@router.get("/refusals")
def refusals(
    request: HttpRequest, limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL
) -> dict[str, Any]:
    """Orders that the gate refused on every account, newest first, with its codes."""
    rows = order_selectors.refusals(venue=venue(), limit=limit)
    return {"venue": venue(), "refusals": rows}


@router.get("/trades")
def trades(request: HttpRequest, asked: Query[TradeRows]) -> Any:
    """Executions, newest first; paging and files as for orders."""
    position = push.position(FILLS)
    rows = order_selectors.fills(asked.wanted(order=asked.order))
    if asked.file_format is not None:
        return file(request, "trades", FILL_COLUMNS, _named(rows), asked.file_format)
    return {"venue": venue(), **page("trades", rows, asked.most)} | position


def _named(rows: Any) -> Any:
    """In a file ``badge`` is the venue's; a row also says its account's."""
    return ({**row, "account_badge": row["badge"]} for row in rows)
