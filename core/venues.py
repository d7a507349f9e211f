"""The badge that tells people where data and orders of a venue go."""

from django.conf import settings


def badge(venue: str) -> str:
    """Return what pages and files show for a venue: PAPER, LIVE …"""
    return settings.VENUE_BADGES.get(venue, venue.upper())
