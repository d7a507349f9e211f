"""Alerts in Django's admin: to look at, not to change."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from core.models import Alert

if TYPE_CHECKING:
    AlertAdminBase = admin.ModelAdmin[Alert]
else:
    AlertAdminBase = admin.ModelAdmin


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
