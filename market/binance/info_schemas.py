"""Messages about contracts, indices, sessions and the server, as on the wire.

They are rare; the messages of prices and books are in ``schemas``, where the rules
of all of these structs are written down.
"""

from msgspec import Struct

from market.binance.wire import COIN_MARGINED, Amount, Millis, Price, Symbol, Text, Wire
from market.domain.types import (
    ContractInfo,
    IndexPrice,
    MarketEvent,
    OpenInterest,
    ServerShutdown,
    Skipped,
    TradingSession,
)

MarketEvents = tuple[MarketEvent, ...]


class ContractChange(Wire, frozen=True, gc=False, tag="contractInfo"):
    """``!contractInfo``; brackets (``bks``) are not kept."""

    E: Millis
    s: Symbol
    cs: Text
    ps: Text = ""
    ct: Text = ""
    dt: Millis = 0
    ot: Millis = 0
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.st == COIN_MARGINED:
            return (Skipped("contractInfo", "coin_margined", self.s),)
        return (
            ContractInfo(self.s, self.ps, self.ct, self.cs, self.ot, self.dt, self.E),
        )


class CompositeIndex(Wire, frozen=True, gc=False, tag="compositeIndex"):
    """``<s>@compositeIndex``."""

    E: Millis
    s: Symbol
    p: Price

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (IndexPrice(self.s, self.p, self.E),)


class AssetIndex(Wire, frozen=True, gc=False, tag="assetIndexUpdate"):
    """``<s>@assetIndex`` and the entries of ``!assetIndex@arr``."""

    E: Millis
    s: Symbol
    i: Price

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (IndexPrice(self.s, self.i, self.E),)


class EquitySession(Wire, frozen=True, gc=False, tag="EquityUpdate"):
    """``tradingSession``, equity contracts."""

    E: Millis
    t: Millis
    T: Millis
    S: Text

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (TradingSession("equity", self.S, self.t, self.T, self.E),)


class CommoditySession(Wire, frozen=True, gc=False, tag="CommodityUpdate"):
    """``tradingSession``, commodity contracts."""

    E: Millis
    t: Millis
    T: Millis
    S: Text

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (TradingSession("commodity", self.S, self.t, self.T, self.E),)


class Shutdown(Wire, frozen=True, gc=False, tag="serverShutdown"):
    """The server announces that it will close the connection."""

    E: Millis = 0

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (ServerShutdown(self.E or received_ms),)


class OpenInterestBody(Struct, frozen=True, gc=False):
    """REST ``openInterest``."""

    symbol: Symbol
    openInterest: Amount
    time: Millis = 0

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (OpenInterest(self.symbol, self.openInterest, self.time),)
