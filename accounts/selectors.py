"""Reads of people and tokens."""

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken
from accounts.tokens import digest


def token_by_text(text: str) -> ApiToken | None:
    """The valid token with this text, its user loaded; None when there is none."""
    now = timezone.now()
    return (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .filter(digest=digest(text), user__is_active=True)
        .first()
    )
