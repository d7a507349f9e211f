"""The exchanges that data may come from, and the badge that tells people which."""

BADGES = {"simulator": "SIMULATED", "testnet": "TESTNET", "binance": "PAPER"}


def badge(venue: str) -> str:
    """Return what pages and exports show for ``venue``; orders are never live yet."""
    return BADGES.get(venue, venue.upper())
