"""Frames of the assumed mix: 280 streams, 45 % bookTicker, 25 % kline, 20 % aggTrade,
10 % depth20; on the wire as the exchange sends them, about 330 bytes on average.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import cycle

import numpy as np

from market.binance.streams import (
    StreamKind,
    agg_trade_stream,
    book_ticker_stream,
    kline_stream,
    partial_depth_stream,
    stream_kind,
)

# Of 20 frames in a row, spread evenly.
PATTERN = "bkbabkbdabkbabkbabkd"
KINDS = {
    "b": StreamKind.BOOK_TICKER,
    "k": StreamKind.KLINE,
    "a": StreamKind.AGG_TRADE,
    "d": StreamKind.DEPTH_PARTIAL,
}
# Stands for the digits of ids and times that grow from blob to blob.
GROWING = b"GGGGGGG"
# A time of 13 digits: two fixed, seven that grow, four for the place in the blob.
_STAMP = "17GGGGGGG{place:04d}"
_MAX_PLACES = 10_000

_BOOK_TICKER = (
    '{"e":"bookTicker","u":%(n)s,"s":"%(s)s","b":"25.351900","B":"31.2100",'
    '"a":"25.365200","A":"40.6600","T":%(n)s,"E":%(n)s}'
)
_AGG_TRADE = (
    '{"e":"aggTrade","E":%(n)s,"s":"%(s)s","a":%(i)s,"p":"25.3600","q":"1.21",'
    '"f":%(i)s,"l":%(i)s,"T":%(n)s,"m":true}'
)
_KLINE = (
    '{"e":"kline","E":%(n)s,"s":"%(s)s","k":{"t":1700000000000,"T":1700000899999,'
    '"s":"%(s)s","i":"15m","f":%(n)s,"L":%(n)s,"o":"25.3510","c":"25.3600",'
    '"h":"25.3910","l":"25.3000","v":"18203.2100","n":912,"x":false,'
    '"q":"461630.8205000","V":"9101.600000","Q":"230815.4100000","B":"0"}}'
)
_DEPTH = (
    '{"e":"depthUpdate","E":%(n)s,"T":%(n)s,"s":"%(s)s","U":%(n)s,"u":%(n)s,'
    '"pu":%(n)s,"b":[%(bids)s],"a":[%(asks)s]}'
)
_BODIES = {
    StreamKind.BOOK_TICKER: _BOOK_TICKER,
    StreamKind.KLINE: _KLINE,
    StreamKind.AGG_TRADE: _AGG_TRADE,
    StreamKind.DEPTH_PARTIAL: _DEPTH,
}
_SIDES = {
    "bids": ",".join(f'["25.{3519 - n:04d}00","{n + 1}00.250"]' for n in range(20)),
    "asks": ",".join(f'["25.{3652 + n:04d}00","{n + 1}00.750"]' for n in range(20)),
}


def symbols(count: int) -> list[str]:
    """Return names of contracts."""
    return [f"C{number:03d}USDT" for number in range(count)]


def firehose_streams(count: int) -> list[str]:
    """Return streams in the shares of the mix, each kind on symbols of its own."""
    share = count // 20
    names = symbols(9 * share)
    return [
        *map(book_ticker_stream, names[: 9 * share]),
        *(kline_stream(name, "15m") for name in names[: 5 * share]),
        *map(agg_trade_stream, names[: 4 * share]),
        *map(partial_depth_stream, names[: 2 * share]),
    ]


def payload(stream: str, number: str, trade: str = "") -> bytes:
    """Return a frame's text; ``number`` (13 digits) serves as every id and time.

    ``trade`` is the id of an aggregate where those must be without holes.
    """
    symbol = stream.partition("@")[0].upper()
    values = {"n": number, "i": trade or number, "s": symbol, **_SIDES}
    body = _BODIES[stream_kind(stream)] % values
    return f'{{"stream":"{stream}","data":{body}}}'.encode()


def websocket_frame(text: bytes) -> bytes:
    """Return the text as one unmasked websocket frame."""
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


class Turns:
    """The streams of the mix in turn, among those somebody subscribed."""

    def __init__(self, streams: Iterable[str]) -> None:
        by_kind: dict[StreamKind, list[str]] = {}
        for name in streams:
            by_kind.setdefault(stream_kind(name), []).append(name)
        self._cycles = {kind: cycle(names) for kind, names in by_kind.items()}
        self._pattern = cycle(PATTERN)

    def next(self) -> str:
        """Return the stream that speaks next."""
        while True:
            kind = KINDS[next(self._pattern)]
            if kind in self._cycles:
                return next(self._cycles[kind])


def sequence(streams: Iterable[str], size: int) -> list[str]:
    """Return which stream speaks when, for ``size`` bytes of frames."""
    turns, found, total = Turns(streams), [], 0
    while total < size:
        found.append(turns.next())
        total += len(payload(found[-1], _STAMP.format(place=0)))
    return found


class Blob:
    """Many frames in one write, renewed in place: its ids and times always grow."""

    def __init__(self, streams: Sequence[str]) -> None:
        if len(streams) > _MAX_PLACES:
            raise ValueError(f"{len(streams)} frames are too many for one blob")
        text = b"".join(
            websocket_frame(payload(name, _STAMP.format(place=place)))
            for place, name in enumerate(streams)
        )
        self.frames = len(streams)
        self._bytes = np.frombuffer(bytearray(text), dtype=np.uint8)
        found = [match.start() for match in re.finditer(GROWING, text)]
        self._places = np.array(found)[:, None] + np.arange(len(GROWING))

    def renewed(self, generation: int) -> bytes:
        """Return the blob of this generation."""
        digits = f"{generation:0{len(GROWING)}d}".encode()
        self._bytes[self._places] = np.frombuffer(digits, dtype=np.uint8)
        return self._bytes.tobytes()
