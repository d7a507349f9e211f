"""Who may log in, and the tokens of their programs."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from core.access import Scope


class User(AbstractUser):
    """A person. Roles are the groups viewer, trader, risk and admin."""


class ApiToken(models.Model):
    """A program's key; only its SHA-256 is kept."""

    SCOPES: ClassVar = [(scope.value, scope.value) for scope in Scope]

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    prefix = models.CharField(max_length=8, help_text="First characters, to tell apart")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=8, choices=SCOPES, default=Scope.READ.value)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.scope})"
