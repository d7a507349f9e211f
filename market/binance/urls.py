"""Addresses of the exchange: pure functions of venue and route.

Sources: official connector constants (2026-08); a simulator's addresses are given.
"""

from dataclasses import dataclass

from market.binance.streams import Route


@dataclass(frozen=True)
class Endpoints:
    """Base addresses without a trailing slash."""

    rest: str
    stream: str

    def stream_url(self, route: Route) -> str:
        """Return where combined streams of this route are served.

        Names are subscribed after the handshake: with hundreds of them in the URL
        servers answer 400 or 414.
        """
        return f"{self.stream}/{route.value}/stream"


VENUES = {
    "binance": Endpoints("https://fapi.binance.com", "wss://fstream.binance.com"),
    "testnet": Endpoints(
        "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"
    ),
}


def endpoints(venue: str, simulator_url: str = "") -> Endpoints:
    """Return the addresses of ``venue``; raises ``ValueError`` when unknown."""
    if venue == "simulator":
        if not simulator_url:
            raise ValueError("the simulator's address is not known: is it running?")
        base = simulator_url.rstrip("/")
        return Endpoints(base, base.replace("http", "ws", 1))
    if venue not in VENUES:
        raise ValueError(f"unknown venue {venue!r}: simulator, testnet or binance")
    return VENUES[venue]
