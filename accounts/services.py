"""Writes to people and tokens; each leaves an audit entry."""

import secrets
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken, User
from core import audit
from core.access import Role, Scope

ADMIN = "admin"
# A busy program need not write on every call.
TOUCH_SECONDS = 60
COMMAND = "command line"


@transaction.atomic
def admin_create() -> str | None:
    """Make the user ``admin`` when no administrator exists; return the password."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username=ADMIN)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    user.groups.add(Group.objects.get(name=Role.ADMIN.value))
    audit.record(COMMAND, "user.first_admin", f"user {user.username}")
    return password


@transaction.atomic
def password_reset(*, username: str) -> str:
    """Give a user a new generated password and return it.

    Raises ``User.DoesNotExist``.
    """
    user = User.objects.get(username=username)
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(COMMAND, "user.password_reset", f"user {username}")
    return password


@transaction.atomic
def token_create(*, user: User, scope: Scope, days: int | None) -> tuple[ApiToken, str]:
    """Make a token; its text is returned here and never again."""
    text = tokens.generate()
    token = ApiToken.objects.create(
        user=user,
        prefix=text[: tokens.PREFIX_LENGTH],
        digest=tokens.digest(text),
        scope=scope.value,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    told = {"scope": scope.value, "days": days}
    audit.record(COMMAND, "apitoken.create", f"{token.prefix}… of {user}", None, told)
    return token, text


def token_touch(token: ApiToken) -> None:
    """Remember the use of a token, at most once a minute."""
    now = timezone.now()
    last = token.last_used_at
    if last is None or (now - last).total_seconds() >= TOUCH_SECONDS:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
