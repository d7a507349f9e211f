"""What is wanted (intents), what was made of it (orders), what came of them (fills)."""

import uuid
from enum import StrEnum
from typing import Any

from django.db import models

from accounts.models.exchange_accounts import ExchangeAccount, choices
from core.fields import ExactDecimalField


class IntentKind(StrEnum):
    """What somebody can ask the trader for."""

    PLACE = "place"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    AMEND = "amend"
    CLOSE = "close"
    LEVERAGE = "leverage"
    MARGIN_TYPE = "margin_type"
    POSITION_MODE = "position_mode"
    RECONCILE = "reconcile"
    PAPER_RESET = "paper_reset"


class IntentState(StrEnum):
    """``refused``: by the gate or a rule; ``expired``: no trader took it in time."""

    WAITING = "waiting"
    TAKEN = "taken"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


class OrderState(StrEnum):
    """The life of one order.

    ``journalled`` is written but not sent, ``sent`` waits for its answer, ``unknown``
    got none that tells (it is asked for, never sent again), ``held`` is a conditional
    order that has not triggered; the others are the exchange's.
    """

    JOURNALLED = "journalled"
    SENT = "sent"
    UNKNOWN = "unknown"
    HELD = "held"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NEVER_SENT = "never_sent"

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in FINAL_STATES


FINAL_STATES = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.NEVER_SENT,
    }
)


class ParentState(StrEnum):
    """``partial``: some children failed and the others stay; ``unwound``: they were
    closed again.
    """

    WORKING = "working"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    UNWOUND = "unwound"


class Intent(models.Model):
    """Something that somebody wants of the trader; the trader answers in ``result``.

    ``payload`` and ``result`` are documents of ``accounts.intents``. ``deadline``: after
    it nobody may take the intent any more. ``idempotency_key``, when there is one, is
    unique per actor. ``audited``: its end stands in the audit trail.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    venue = models.CharField(max_length=16)
    kind = models.CharField(max_length=14, choices=choices(IntentKind))
    payload: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    source = models.CharField(max_length=20, default="page")
    actor = models.CharField(max_length=150)
    state = models.CharField(
        max_length=8, choices=choices(IntentState), default=IntentState.WAITING.value
    )
    result: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=80, blank=True)
    request_hash = models.CharField(max_length=64, blank=True)
    created_at = models.BigIntegerField()
    deadline = models.BigIntegerField()
    taken_at = models.BigIntegerField(null=True)
    taken_by = models.CharField(max_length=60, blank=True)
    ended_at = models.BigIntegerField(null=True)
    audited = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="intent_once_per_key",
            )
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="intent_by_state"),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(audited=False),
                name="intent_not_audited",
            ),
        ]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}: {self.state}"


class ParentOrder(models.Model):
    """One order as a person gave it, over one or many accounts.

    ``plan`` is the distribution that was sent: shares, and who was left out and why.
    """

    venue = models.CharField(max_length=16)
    intent = models.OneToOneField(Intent, null=True, on_delete=models.SET_NULL)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=4)
    order_type = models.CharField(max_length=24)
    quantity = ExactDecimalField()
    strategy = models.CharField(max_length=12)
    policy = models.CharField(max_length=8)
    plan: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    state = models.CharField(
        max_length=8, choices=choices(ParentState), default=ParentState.WORKING.value
    )
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol}: {self.state}"


class Order(models.Model):
    """One order on one account. ``client_id`` is ours, ``exchange_id`` the exchange's.

    ``price`` 0: market. ``stop_price``: trigger of a conditional order (``algo``), whose
    exchange id is ``algo_id``. ``external``: somebody else gave it on the exchange
    (``liquidation`` when the exchange did). ``reason``: why it was refused, in words,
    ``error_code`` the exchange's number. ``event_at`` is the exchange's time of the
    newest news, so that older news changes nothing.
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT)
    parent = models.ForeignKey(
        ParentOrder, null=True, on_delete=models.SET_NULL, related_name="children"
    )
    client_id = models.CharField(max_length=40)
    exchange_id = models.BigIntegerField(null=True)
    algo_id = models.BigIntegerField(null=True)
    algo = models.BooleanField(default=False)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=4)
    position_side = models.CharField(max_length=5, default="BOTH")
    order_type = models.CharField(max_length=24)
    time_in_force = models.CharField(max_length=4, blank=True)
    quantity = ExactDecimalField()
    price = ExactDecimalField(default=0)
    stop_price = ExactDecimalField(default=0)
    reduce_only = models.BooleanField(default=False)
    close_position = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, choices=choices(OrderState), default=OrderState.JOURNALLED.value
    )
    filled = ExactDecimalField(default=0)
    average_price = ExactDecimalField(default=0)
    external = models.BooleanField(default=False)
    liquidation = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    error_code = models.IntegerField(null=True)
    created_at = models.BigIntegerField()
    sent_at = models.BigIntegerField(null=True)
    acknowledged_at = models.BigIntegerField(null=True)
    event_at = models.BigIntegerField(default=0)
    updated_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "client_id"], name="order_once_per_client_id"
            )
        ]
        indexes = [
            models.Index(fields=["account", "state"], name="order_by_state"),
            models.Index(fields=["account", "exchange_id"], name="order_by_number"),
            models.Index(fields=["symbol", "created_at"], name="order_by_symbol"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.client_id} {self.side} {self.quantity} {self.symbol}"


class Fill(models.Model):
    """One execution; ``trade_id`` is unique per account and symbol.

    ``fee`` is what was paid (negative: a rebate) in ``fee_asset``; ``realised`` the
    profit the exchange told, before fees.
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT)
    order = models.ForeignKey(
        Order, null=True, on_delete=models.SET_NULL, related_name="fills"
    )
    trade_id = models.BigIntegerField()
    exchange_order_id = models.BigIntegerField(default=0)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=4)
    position_side = models.CharField(max_length=5, default="BOTH")
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField(default=0)
    fee_asset = models.CharField(max_length=16, default="USDT")
    realised = ExactDecimalField(default=0)
    maker = models.BooleanField(default=False)
    at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "trade_id"], name="fill_once"
            )
        ]
        indexes = [models.Index(fields=["account", "at"], name="fill_by_time")]
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol} at {self.price}"
