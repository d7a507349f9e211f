"""What every page knows of the installation."""

from django.conf import settings
from django.http import HttpRequest

BADGES = {"simulator": "SIMULATED", "testnet": "TESTNET", "binance": "PAPER"}


def site(request: HttpRequest) -> dict[str, str]:
    """Venue, its badge and the version; orders are never live in this release."""
    venue = settings.QUANTAI.site.exchange
    return {
        "venue": venue,
        "venue_badge": BADGES[venue],
        "version": settings.VERSION,
    }
