"""Run in the peers' own environment: python-binance against the URL given.

Usage: python_binance_peer.py https://HOST:PORT. The CA comes in SSL_CERT_FILE. Prints one
JSON object on stdout.
"""

import asyncio
import json
import sys

from binance import AsyncClient, BinanceSocketManager
from binance.ws.depthcache import FuturesDepthCacheManager

SYMBOL = "BTCUSDT"


class LocalClient(AsyncClient):
    """The client with its hosts replaced before the first ping."""

    host = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.API_URL = f"{self.host}/api"
        self.FUTURES_URL = f"{self.host}/fapi"
        self.FUTURES_DATA_URL = f"{self.host}/futures/data"


async def first(socket, count=1):
    async with socket as stream:
        return [await asyncio.wait_for(stream.recv(), 20) for _ in range(count)]


async def first_book(manager):
    async with manager as stream:
        cache = await asyncio.wait_for(stream.recv(), 20)
        return {"bids": cache.get_bids()[:5], "asks": cache.get_asks()[:5]}


async def main(host):
    LocalClient.host = host
    client = await LocalClient.create()
    try:
        sockets = BinanceSocketManager(client)
        sockets.FSTREAM_URL = host.replace("https", "wss") + "/"
        info = await client.futures_exchange_info()
        names = ["btcusdt@kline_1m", "ethusdt@kline_1m"]
        return {
            "symbols": [entry["symbol"] for entry in info["symbols"]],
            "klines": await client.futures_klines(
                symbol=SYMBOL, interval="15m", limit=300
            ),
            "depth": await client.futures_order_book(symbol=SYMBOL, limit=100),
            "trades": await client.futures_recent_trades(symbol=SYMBOL, limit=50),
            "agg_trades": await client.futures_aggregate_trades(
                symbol=SYMBOL, limit=50
            ),
            "mark": await client.futures_mark_price(symbol=SYMBOL),
            "tickers": len(await client.futures_ticker()),
            "book_ticker": await client.futures_orderbook_ticker(symbol=SYMBOL),
            "funding": await client.futures_funding_rate(symbol=SYMBOL, limit=3),
            "ws_klines": await first(sockets.futures_multiplex_socket(names), 4),
            "ws_kline": await first(
                sockets.kline_futures_socket(SYMBOL, interval="1m"), 1
            ),
            "ws_book_ticker": await first(sockets.symbol_ticker_futures_socket(SYMBOL)),
            "ws_trades": await first(sockets.aggtrade_futures_socket(SYMBOL), 2),
            "ws_marks": await first(sockets.all_mark_price_socket()),
            "ws_depth": await first(sockets.futures_depth_socket(SYMBOL), 3),
            "book": await first_book(
                FuturesDepthCacheManager(client, SYMBOL, bm=sockets)
            ),
        }
    finally:
        await client.close_connection()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1]))))
