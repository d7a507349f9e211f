"""What every page knows of the installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core.access import Scope, may
from core.venues import badge


def site(request: HttpRequest) -> dict[str, Any]:
    """Venue, its badge, the version, and whether the reader may change anything."""
    venue = settings.QUANTAI.site.exchange
    return {
        "venue": venue,
        "venue_badge": badge(venue),
        "version": settings.VERSION,
        # The same rule as REST has for a session's writes.
        "may_control": SimpleLazyObject(lambda: _may_control(request)),
    }


def _may_control(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and may(user, scope=None, needed=Scope.TRADE)
