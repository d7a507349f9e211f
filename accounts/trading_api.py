"""REST of orders and of everything else that is asked of the trader.

Every write becomes an intent; the answer is the trader's, or that it is still under way.
``Idempotency-Key`` makes a write safe to repeat: the same key and body give the first
one's answer, the same key and another body a 409.
"""

import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Header, Schema
from ninja.errors import HttpError
from pydantic import ConfigDict, Field

from accounts import intents, order_selectors, plan_selectors
from accounts.api_parts import actor, found, router, venue
from accounts.intent_documents import Payload, PlaceOrder, parse
from accounts.messages import Told, money
from accounts.models import Intent
from accounts.models.orders import IntentKind, IntentState, OrderState
from accounts.plan_selectors import Preview
from core import wire
from core.errors import Conflict

WAIT_SECONDS = 10.0
STATUS = {
    IntentState.DONE: 200,
    IntentState.WAITING: 202,
    IntentState.TAKEN: 202,
    IntentState.REFUSED: 409,
    IntentState.FAILED: 409,
    IntentState.EXPIRED: 503,
}
# Of what was refused because of one field.
BROKEN = {"invalid_input": 422, "conflict": 409}
Key = Annotated[str, Header(alias="Idempotency-Key")]
Wait = Annotated[float, Field(ge=0, le=30)]
Amount = Annotated[Decimal, Field(allow_inf_nan=False)]
Rest = Literal["rest", "page"]


class Body(Schema):
    """What a write says; a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Waiting(Body):
    """``wait``: for how many seconds the answer is waited for."""

    wait: Wait = WAIT_SECONDS


class Where(Waiting):
    """Which accounts are meant: by name, by group, without both every enabled one."""

    accounts: list[str] = []
    group: str = ""


class OrderBody(Where):
    """An order over one or many accounts; numbers as text or JSON numbers."""

    symbol: str
    side: str
    quantity: Amount
    type: str = "MARKET"
    price: Amount = Decimal(0)
    stop_price: Amount = Decimal(0)
    time_in_force: str = ""
    position_side: str = "BOTH"
    reduce_only: bool = False
    callback_rate: Amount = Decimal(0)
    strategy: str = "weighted"
    policy: str = "continue"


class AmendBody(Waiting):
    """New quantity and price of a resting LIMIT order; 0 leaves one as it is."""

    quantity: Amount = Decimal(0)
    price: Amount = Decimal(0)


class CancelAllBody(Where):
    """Without a symbol the orders of every symbol."""

    symbol: str = ""


class CloseBody(Where):
    """Without a symbol every position; ``position_side`` empty: whatever is held."""

    symbol: str = ""
    position_side: str = ""


class LeverageBody(Where):
    """Leverage of a symbol."""

    symbol: str
    leverage: int


class MarginTypeBody(Where):
    """Margin type of a symbol, ``cross`` or ``isolated``."""

    symbol: str
    margin_type: str


class PositionModeBody(Where):
    """One-way (false) or hedge mode."""

    hedge: bool


class PaperResetBody(Waiting):
    """Paper accounts that begin anew with their starting balance."""

    accounts: list[str]


@router.post("/orders/preview")
def preview(request: HttpRequest, wish: OrderBody) -> dict[str, Any]:
    """What an order would become: shares, margins, who is left out and why.

    Nothing is sent.
    """
    order = parse(IntentKind.PLACE, _payload(wish))
    assert isinstance(order, PlaceOrder)
    told = plan_selectors.order_preview(
        venue=venue(), order=order, actor=actor(request)
    )
    return preview_told(told)


@router.post("/orders")
def place(request: HttpRequest, wish: OrderBody, key: Key = "") -> HttpResponse:
    """Send an order over one or many accounts and wait for what came of it."""
    return _ask(request, IntentKind.PLACE, wish, key)


@router.delete("/orders/{int:order_id}")
def cancel(
    request: HttpRequest, order_id: int, wait: Wait = WAIT_SECONDS, key: Key = ""
) -> HttpResponse:
    """Cancel one order."""
    payload = parse(IntentKind.CANCEL, {"order": order_id})
    _not_final(request, order_id, key)
    return _submit(request, payload, wait, key)


@router.patch("/orders/{int:order_id}")
def amend(
    request: HttpRequest, order_id: int, wish: AmendBody, key: Key = ""
) -> HttpResponse:
    """Change quantity and price of a resting LIMIT order."""
    payload = parse(IntentKind.AMEND, {**_payload(wish), "order": order_id})
    _not_final(request, order_id, key)
    return _submit(request, payload, wish.wait, key)


@router.post("/orders/cancel_all")
def cancel_all(
    request: HttpRequest, wish: CancelAllBody, key: Key = ""
) -> HttpResponse:
    """Cancel everything that is open, conditional orders too."""
    return _ask(request, IntentKind.CANCEL_ALL, wish, key)


@router.post("/positions/close")
def close(request: HttpRequest, wish: CloseBody, key: Key = "") -> HttpResponse:
    """Close positions at the market."""
    return _ask(request, IntentKind.CLOSE, wish, key)


@router.post("/leverage")
def leverage(request: HttpRequest, wish: LeverageBody, key: Key = "") -> HttpResponse:
    """Set the leverage of a symbol."""
    return _ask(request, IntentKind.LEVERAGE, wish, key)


@router.post("/margin_type")
def margin_type(
    request: HttpRequest, wish: MarginTypeBody, key: Key = ""
) -> HttpResponse:
    """Set the margin type of a symbol."""
    return _ask(request, IntentKind.MARGIN_TYPE, wish, key)


@router.post("/position_mode")
def position_mode(
    request: HttpRequest, wish: PositionModeBody, key: Key = ""
) -> HttpResponse:
    """Set one-way or hedge mode."""
    return _ask(request, IntentKind.POSITION_MODE, wish, key)


@router.post("/reconcile")
def reconcile(request: HttpRequest, wish: Where, key: Key = "") -> HttpResponse:
    """Compare with the exchange now."""
    return _ask(request, IntentKind.RECONCILE, wish, key)


@router.post("/paper_reset")
def paper_reset(
    request: HttpRequest, wish: PaperResetBody, key: Key = ""
) -> HttpResponse:
    """Give paper accounts their starting balance back."""
    return _ask(request, IntentKind.PAPER_RESET, wish, key)


@router.get("/intents/{uuid:intent_id}")
def intent(
    request: HttpRequest,
    intent_id: uuid.UUID,
    wait: Annotated[float, Field(ge=0, le=30)] = 0.0,
) -> dict[str, Any]:
    """How far something that was asked for has come."""
    try:
        row = intents.intent_wait(intent_id, wait)
    except Intent.DoesNotExist:
        raise HttpError(404, f"There is no intent {intent_id}.") from None
    return intent_answer(row)


def preview_told(told: Preview) -> Told:
    """Tell of a preview; ``allowed``: somebody takes a part of it."""
    shares = told.distribution.shares
    return {
        "strategy": told.distribution.strategy,
        "quantity": money(told.distribution.quantity),
        "placed": money(told.distribution.placed),
        "left": money(told.distribution.left),
        "price": money(told.price),
        "quote_age_seconds": told.quote_age_seconds,
        "allowed": told.distribution.placed > 0,
        "shares": [
            {
                "account": one.account,
                "badge": told.badges[one.account],
                "quantity": money(one.quantity),
                "notional": money(one.notional),
                "margin": money(one.margin),
                "margin_after": money(one.margin_after),
                "reason": one.reason,
                "codes": [each.code for each in told.reasons.get(one.account, ())],
            }
            for one in shares
        ],
    }


def intent_answer(row: Intent) -> Told:
    """Tell of an intent, with the order that came of it."""
    told = order_selectors.intent_told(row)
    parent = None
    if row.kind == IntentKind.PLACE.value:
        parent = order_selectors.parent_of_intent(row)
    return {**told, "order": parent}


def _payload(wish: Body) -> dict[str, Any]:
    """Return what a wish says as a payload's fields."""
    values = wish.model_dump(exclude={"wait"})
    if "symbol" in values:
        values["symbol"] = values["symbol"].upper()
    if "type" in values:
        values["order_type"] = values.pop("type")
    return values


def _ask(
    request: HttpRequest, kind: IntentKind, wish: Waiting, key: str
) -> HttpResponse:
    return _submit(request, parse(kind, _payload(wish)), wish.wait, key)


def _submit(
    request: HttpRequest, payload: Payload, wait: float, key: str
) -> HttpResponse:
    source: Rest = "rest" if "Authorization" in request.headers else "page"
    row = intents.intent_submit(
        payload=payload,
        actor=actor(request),
        source=source,
        venue=venue(),
        idempotency_key=key,
    )
    return answer(intents.intent_wait(row.id, wait))


def answer(row: Intent) -> HttpResponse:
    """Return the trader's answer: 200 done, 202 under way, 409 refused or failed, 422
    when a field breaks a rule, 503 when no trader took it in time.
    """
    state = IntentState(row.state)
    told = intent_answer(row)
    status, body = STATUS[state], told
    if status >= 400:
        result = row.result or {}
        broken, code = result.get("broken"), state.value
        found = result.get("accounts", [])
        if broken:
            code = broken["code"]
            status = BROKEN[code]
            found = [{name: broken[name] for name in ("field", "value", "rule")}]
        named = {"intent": told["intent"]}
        body = {
            "code": code,
            "message": result.get("message") or f"The order was {state.value}.",
            "details": [{**one, **named} for one in found] or [named],
        }
    return HttpResponse(
        wire.encode(body), status=status, content_type="application/json"
    )


def _not_final(request: HttpRequest, order_id: int, key: str) -> None:
    """Raise a 404 for an order that is not there and a 409 for one that has ended.

    A key that was used before is left to the intent: the first answer stands.
    """
    if key and intents.key_used(actor=actor(request), key=key):
        return
    row = order_selectors.order_row(venue=venue(), order_id=order_id)
    found(None if row is None else {}, f"order {order_id}")
    if row is not None and OrderState(row.state).final:
        raise Conflict("order", order_id, f"is {row.state} already")
