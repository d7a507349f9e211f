"""What accounts want, did and hold in Django's admin: to search, not to change."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from accounts.models import (
    Balance,
    EquitySnapshot,
    Fill,
    Income,
    Intent,
    Order,
    ParentOrder,
    Position,
    Reconciliation,
    TradeRecord,
)

if TYPE_CHECKING:
    RecordAdminBase = admin.ModelAdmin[models.Model]
else:
    RecordAdminBase = admin.ModelAdmin


def moment(name: str, title: str = "UTC") -> Callable[[Any], str]:
    """Return a column that shows a time in ms as people read it."""

    @admin.display(description=title, ordering=name)
    def shown(row: Any) -> str:
        at = getattr(row, name)
        if not at:
            return "–"
        return f"{datetime.fromtimestamp(at / 1000, tz=UTC):%Y-%m-%d %H:%M:%S}"

    return shown


class RecordAdmin(RecordAdminBase):
    """Rows that the trader writes; nobody else does."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(RecordAdmin):
    """Orders with their state and the reason of a refusal."""

    list_display = (
        *("client_id", "account", "symbol", "side", "order_type", "quantity"),
        *("filled", "average_price", "state", "reason", moment("created_at")),
    )
    list_filter = ("state", "side", "order_type", "external", "liquidation", "account")
    list_select_related = ("account",)
    search_fields = ("client_id", "symbol", "exchange_id", "reason", "account__name")


@admin.register(Fill)
class FillAdmin(RecordAdmin):
    """Executions."""

    list_display = (
        *("trade_id", "account", "symbol", "side", "quantity", "price"),
        *("fee", "fee_asset", "realised", "maker", moment("at")),
    )
    list_filter = ("side", "maker", "account")
    list_select_related = ("account",)
    search_fields = ("trade_id", "symbol", "exchange_order_id", "account__name")


@admin.register(ParentOrder)
class ParentOrderAdmin(RecordAdmin):
    """Orders as people gave them, over one or many accounts."""

    list_display = (
        *("id", "symbol", "side", "order_type", "quantity", "strategy", "policy"),
        *("state", moment("created_at")),
    )
    list_filter = ("state", "strategy", "policy", "venue")
    search_fields = ("symbol",)


@admin.register(Intent)
class IntentAdmin(RecordAdmin):
    """What was asked of the trader, by whom."""

    list_display = (
        *("id", "kind", "actor", "source", "state", moment("created_at", "asked")),
        moment("ended_at", "ended"),
    )
    list_filter = ("state", "kind", "source", "venue")
    search_fields = ("actor", "kind", "idempotency_key")


@admin.register(Position)
class PositionAdmin(RecordAdmin):
    """What is held, as last told."""

    list_display = (
        *("account", "symbol", "side", "quantity", "entry", "leverage"),
        *("margin_type", "liquidation_price", moment("updated_at")),
    )
    list_filter = ("side", "margin_type", "account")
    list_select_related = ("account",)
    search_fields = ("symbol", "account__name")


@admin.register(Balance)
class BalanceAdmin(RecordAdmin):
    """Wallets, as last told."""

    list_display = ("account", "asset", "wallet", "available", moment("updated_at"))
    list_filter = ("asset", "account")
    list_select_related = ("account",)
    search_fields = ("asset", "account__name")


@admin.register(Income)
class IncomeAdmin(RecordAdmin):
    """Funding, commissions, transfers."""

    list_display = ("kind", "account", "symbol", "amount", "asset", moment("at"))
    list_filter = ("kind", "asset", "account")
    list_select_related = ("account",)
    search_fields = ("symbol", "number", "trade_id", "account__name")


@admin.register(EquitySnapshot)
class EquitySnapshotAdmin(RecordAdmin):
    """What accounts were worth."""

    list_display = (
        *("account", "equity", "wallet", "open_profit", "asset", moment("at")),
    )
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("account__name",)


@admin.register(Reconciliation)
class ReconciliationAdmin(RecordAdmin):
    """Comparisons with the exchange."""

    list_display = (*("account", "cause", "found", "seconds", "problem", moment("at")),)
    list_filter = ("cause", "account")
    list_select_related = ("account",)
    search_fields = ("account__name", "problem", "cause")

    @admin.display(description="differences")
    def found(self, row: Reconciliation) -> int:
        return len(row.differences)


@admin.register(TradeRecord)
class TradeRecordAdmin(RecordAdmin):
    """What strategies noted of trades."""

    list_display = (
        *("key", "account", "symbol", "side", "quantity", "entry_price"),
        *("exit_price", "profit", "exit_reason", moment("entry_at")),
    )
    list_filter = ("venue", "side")
    search_fields = ("key", "symbol", "account", "exit_reason")
