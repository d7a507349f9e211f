"""Frames of combined streams, as the exchange writes them, and values from them."""

import json

from market.domain.types import Candle

BASE_MS = 1_790_000_100_000  # a multiple of 15 minutes
QUARTER_MS = 900_000


def combined(name, data):
    document = {"stream": name, "data": data}
    return json.dumps(document, separators=(",", ":")).encode()


def kline(symbol, number, *, closed, event=0, close="1.5", interval="15m"):
    """The bar of that number; ``event`` are ms after its opening."""
    opened = BASE_MS + number * QUARTER_MS
    bar = {
        "t": opened, "T": opened + QUARTER_MS - 1, "s": symbol, "i": interval,
        "f": 1, "L": 2, "o": "1.5", "c": close, "h": "9.0", "l": "0.5", "v": "10.0",
        "n": 2, "x": closed, "q": "15.0", "V": "5.0", "Q": "7.5", "B": "0",
    }  # fmt: skip
    data = {"e": "kline", "E": opened + event, "s": symbol, "k": bar}
    return combined(f"{symbol.lower()}@kline_{interval}", data)


def agg_trade(symbol, number):
    data = {
        "e": "aggTrade", "E": BASE_MS + number, "s": symbol, "a": number, "p": "1.5",
        "q": "2.0", "f": number, "l": number, "T": BASE_MS + number, "m": False,
    }  # fmt: skip
    return combined(f"{symbol.lower()}@aggTrade", data)


def book_ticker(symbol, number):
    data = {
        "e": "bookTicker", "u": number, "E": BASE_MS + number, "T": BASE_MS + number,
        "s": symbol, "b": f"{number}.5", "B": "1.0", "a": f"{number}.6", "A": "2.0",
    }  # fmt: skip
    return combined(f"{symbol.lower()}@bookTicker", data)


def depth(symbol, number):
    data = {
        "e": "depthUpdate", "E": BASE_MS + number, "T": BASE_MS + number, "s": symbol,
        "U": number, "u": number, "pu": number - 1, "b": [["1.5", "2.0"]], "a": [],
    }  # fmt: skip
    return combined(f"{symbol.lower()}@depth@100ms", data)


def mini_tickers(*symbols, number=1):
    rows = [
        {
            "e": "24hrMiniTicker", "E": BASE_MS + number, "s": symbol, "c": "2.0",
            "o": "1.0", "h": "3.0", "l": "0.5", "v": "10.0", "q": "20.0",
        }
        for symbol in symbols
    ]  # fmt: skip
    return combined("!miniTicker@arr", rows)


def candle(symbol, number, *, interval="15m", step=QUARTER_MS, close=1.5):
    """A closed bar as a value."""
    opened = round(BASE_MS + number * step)
    return Candle(
        symbol=symbol, interval=interval, open_time=opened,
        close_time=opened + step - 1, open=1.5, high=9.0, low=0.5, close=close,
        volume=10.0, quote_volume=15.0, trades=2, taker_base=5.0, taker_quote=7.5,
        closed=True, event_time=opened + step,
    )  # fmt: skip
