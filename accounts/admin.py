"""People and tokens in Django's admin."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import ApiToken, User

if TYPE_CHECKING:
    TokenAdminBase = admin.ModelAdmin[ApiToken]
else:
    TokenAdminBase = admin.ModelAdmin

admin.site.register(User, UserAdmin)


@admin.register(ApiToken)
class ApiTokenAdmin(TokenAdminBase):
    """Tokens can be looked at and revoked; they are made with ``api_token``."""

    list_display = ("prefix", "user", "scope", "expires_at", "last_used_at")
    list_filter = ("scope",)
    search_fields = ("prefix", "user__username")
    readonly_fields = ("prefix", "user", "scope", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
