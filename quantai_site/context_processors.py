"""What every page knows of the installation."""

from django.conf import settings
from django.http import HttpRequest

from core.venues import badge


def site(request: HttpRequest) -> dict[str, str]:
    """Venue, its badge and the version; orders are never live in this release."""
    venue = settings.QUANTAI.site.exchange
    return {
        "venue": venue,
        "venue_badge": badge(venue),
        "version": settings.VERSION,
    }
