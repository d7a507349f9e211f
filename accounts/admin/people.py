"""People and tokens in Django's admin; what is done to them goes into the audit trail."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import ApiToken, User
from core import audit

if TYPE_CHECKING:
    TokenAdminBase = admin.ModelAdmin[ApiToken]
    UserAdminBase = UserAdmin[User]
else:
    TokenAdminBase, UserAdminBase = admin.ModelAdmin, UserAdmin


class Audited:
    """Writes what Django's own log of the admin is told into the audit trail too."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, "add", obj, told(obj), message)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, "change", obj, told(obj), message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._record(request, "delete", obj, None, "")
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def _record(
        self, request: HttpRequest, what: str, obj: Any, after: Any, message: Any
    ) -> None:
        kind = obj._meta.model_name
        audit.record(
            request.user.get_username(),
            f"{kind}.{what}",
            f"{kind} {obj}",
            None if after else told(obj),
            {**after, "changes": message} if after else None,
        )


def told(obj: User | ApiToken) -> dict[str, Any]:
    """Return what somebody may do; no password, no digest."""
    if isinstance(obj, ApiToken):
        return {"owner": obj.user.username, "scope": obj.scope}
    return {
        "roles": sorted(obj.groups.values_list("name", flat=True)),
        "active": obj.is_active,
        "staff": obj.is_staff,
        "superuser": obj.is_superuser,
    }


@admin.register(User)
class PeopleAdmin(Audited, UserAdminBase):
    """Who may log in, and their roles."""


@admin.register(ApiToken)
class ApiTokenAdmin(Audited, TokenAdminBase):
    """Tokens can be looked at and revoked; they are made with ``api_token``."""

    list_display = ("prefix", "user", "scope", "expires_at", "last_used_at")
    list_filter = ("scope",)
    search_fields = ("prefix", "user__username")
    readonly_fields = ("prefix", "user", "scope", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
