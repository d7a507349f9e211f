"""Alerts and the audit trail in Django's admin: to look at, not to change."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from core.models import Alert, AuditEntry

if TYPE_CHECKING:
    AlertAdminBase = admin.ModelAdmin[Alert]
    AuditAdminBase = admin.ModelAdmin[AuditEntry]
else:
    AlertAdminBase = AuditAdminBase = admin.ModelAdmin


@admin.register(Alert)
class AlertAdmin(AlertAdminBase):
    """What was raised, how often, and who knew of it."""

    list_display = (
        "title",
        "severity",
        "source",
        "state",
        "count",
        "last_at",
        "acknowledged_by",
    )
    list_filter = ("state", "severity", "source", "venue")
    search_fields = ("key", "title", "text")
    date_hierarchy = "last_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Alert | None = None
    ) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(AuditAdminBase):
    """Who changed what; nobody changes this."""

    list_display = ("number", "when", "actor", "action", "target", "after")
    list_filter = ("action", "actor")
    search_fields = ("actor", "action", "target", "before", "after", "digest")
    list_per_page = 50
    show_full_result_count = False

    @admin.display(description="UTC", ordering="number")
    def when(self, entry: AuditEntry) -> str:
        moment = datetime.fromtimestamp(entry.at / 1000, tz=UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False
