"""Run in the peers' own environment: python-binance against the URL given.

Usage: python_binance_peer.py https://HOST:PORT. The CA comes in SSL_CERT_FILE. Prints one
JSON object on stdout.
"""

import asyncio
import json
import os
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


async def orders(client, sockets):
    """A resting order is queried and cancelled, another one fills and is told of."""
    price = float((await client.futures_mark_price(symbol=SYMBOL))["markPrice"])
    low = {"type": "LIMIT", "timeInForce": "GTC", "price": f"{price * 0.97:.1f}"}
    one = {"symbol": SYMBOL, "side": "BUY", "quantity": "0.01"}
    rests = await client.futures_create_order(**one, **low)
    which = {"symbol": SYMBOL, "orderId": rests["orderId"]}
    found = await client.futures_get_order(**which)
    gone = await client.futures_cancel_order(**which)
    stop = await client.futures_create_order(
        symbol=SYMBOL,
        side="SELL",
        type="STOP_MARKET",
        quantity="0.01",
        stopPrice=f"{price * 0.9:.1f}",
    )
    held = await client.futures_get_open_algo_orders()
    async with sockets.futures_user_socket() as stream:
        await client.futures_create_order(**one, type="MARKET")
        events = [await asyncio.wait_for(stream.recv(), 20) for _ in range(4)]
    return {
        "states": [rests["status"], found["status"], gone["status"]],
        "algo": [stop["algoId"], [row["algoId"] for row in held]],
        "events": [event["e"] for event in events],
        "position": (await client.futures_position_information(symbol=SYMBOL))[0],
        "balance": (await client.futures_account_balance())[0]["balance"],
        "trades": len(await client.futures_account_trades(symbol=SYMBOL)),
    }


async def main(host):
    LocalClient.host = host
    client = await LocalClient.create(os.environ["PEER_KEY"], os.environ["PEER_SECRET"])
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
            "orders": await orders(client, sockets),
        }
    finally:
        await client.close_connection()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1]))))
