"""What accounts hold, were paid, and were worth; what strategies noted of trades."""

from typing import Any

from django.db import models

from accounts.models.exchange_accounts import ExchangeAccount
from core.fields import ExactDecimalField


class Balance(models.Model):
    """One asset of one account, as last known. ``event_at``: the exchange's time."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE)
    asset = models.CharField(max_length=16)
    wallet = ExactDecimalField(default=0)
    available = ExactDecimalField(default=0)
    event_at = models.BigIntegerField(default=0)
    updated_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "asset"], name="balance_once")
        ]
        ordering = ["asset"]

    def __str__(self) -> str:
        return f"{self.wallet} {self.asset}"


class Position(models.Model):
    """One symbol and side of one account; ``quantity`` is negative for a short.

    ``entry`` and ``exchange_profit`` are the exchange's own; ``liquidation_price`` 0:
    none. A row stays when it is flat, for its leverage and margin type.
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=5, default="BOTH")
    quantity = ExactDecimalField(default=0)
    entry = ExactDecimalField(default=0)
    exchange_profit = ExactDecimalField(null=True)
    leverage = models.PositiveIntegerField(default=20)
    margin_type = models.CharField(max_length=8, default="cross")
    isolated_margin = ExactDecimalField(default=0)
    liquidation_price = ExactDecimalField(default=0)
    event_at = models.BigIntegerField(default=0)
    updated_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "side"], name="position_once"
            )
        ]
        ordering = ["symbol", "side"]

    def __str__(self) -> str:
        return f"{self.symbol} {self.side} {self.quantity}"


class Income(models.Model):
    """Money that came or went: realised profit, commission, funding, transfers.

    ``number`` is the exchange's transaction id, unique per account and kind.
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT)
    kind = models.CharField(max_length=32)
    number = models.CharField(max_length=40)
    symbol = models.CharField(max_length=64, blank=True)
    asset = models.CharField(max_length=16)
    amount = ExactDecimalField()
    trade_id = models.CharField(max_length=40, blank=True)
    at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "number"], name="income_once"
            )
        ]
        indexes = [models.Index(fields=["account", "at"], name="income_by_time")]
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.asset}"


class EquitySnapshot(models.Model):
    """What an account was worth: wallet and open profit, in its margin asset."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE)
    at = models.BigIntegerField()
    wallet = ExactDecimalField()
    open_profit = ExactDecimalField()
    equity = ExactDecimalField()
    asset = models.CharField(max_length=16, default="USDT")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "at"], name="equity_once")
        ]
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.equity} {self.asset} at {self.at}"


class Reconciliation(models.Model):
    """One comparison of ours with the exchange's: what differed and was mended."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE)
    at = models.BigIntegerField()
    cause = models.CharField(max_length=40)
    seconds = models.FloatField()
    differences: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "at"], name="reconciled_by_time")]
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.at}: {len(self.differences)} differences"


class TradeRecord(models.Model):
    """What a strategy noted of a trade: its entry, and its exit once it has one.

    ``key`` is the recorder's, unique, so that a journal replayed twice doubles nothing.
    ``facts`` holds whatever else the caller gave.
    """

    venue = models.CharField(max_length=16)
    key = models.CharField(max_length=64, unique=True)
    account = models.CharField(max_length=40, blank=True)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=8, blank=True)
    quantity = ExactDecimalField(null=True)
    entry_price = ExactDecimalField(null=True)
    entry_at = models.BigIntegerField(null=True)
    exit_price = ExactDecimalField(null=True)
    exit_at = models.BigIntegerField(null=True)
    exit_reason = models.CharField(max_length=120, blank=True)
    fees = ExactDecimalField(default=0)
    profit = ExactDecimalField(null=True)
    facts: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    recorded_at = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["symbol", "entry_at"], name="record_by_symbol")]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.symbol} {self.side} {self.key}"
