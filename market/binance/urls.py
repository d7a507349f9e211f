"""Addresses of the exchange: pure functions of venue and route.

Sources: official connector constants (2026-08); a simulator's addresses are given.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from market.binance.streams import Route

USER_EVENTS = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "ACCOUNT_CONFIG_UPDATE",
    "ALGO_UPDATE",
    "MARGIN_CALL",
    "TRADE_LITE",
    "listenKeyExpired",
)


@dataclass(frozen=True)
class Endpoints:
    """Base addresses without a trailing slash.

    ``spot`` is the host of what belongs to an API key as a whole; "": there is none.
    """

    rest: str
    stream: str
    spot: str = ""

    def stream_url(self, route: Route) -> str:
        """Return where combined streams of this route are served.

        Names are subscribed after the handshake: with hundreds of them in the URL
        servers answer 400 or 414.
        """
        return f"{self.stream}/{route.value}/stream"

    def user_stream_url(self, listen_key: str) -> str:
        """Return where the private stream of a listen key is served.

        The documented form: without ``events`` some servers send nothing.
        """
        events = "/".join(USER_EVENTS)
        asked = urlencode({"listenKey": listen_key, "events": events}, safe="/")
        return f"{self.stream}/{Route.PRIVATE.value}/ws?{asked}"


VENUES = {
    "binance": Endpoints(
        "https://fapi.binance.com",
        "wss://fstream.binance.com",
        "https://api.binance.com",
    ),
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
        return Endpoints(base, base.replace("http", "ws", 1), base)
    if venue not in VENUES:
        raise ValueError(f"unknown venue {venue!r}: simulator, testnet or binance")
    return VENUES[venue]
