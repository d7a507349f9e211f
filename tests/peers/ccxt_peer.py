"""Run in the peers' own environment: ccxt and ccxt.pro against the URL given.

Usage: ccxt_peer.py https://HOST:PORT CA_FILE. Prints one JSON object on stdout.
"""

import asyncio
import json
import os
import sys

import ccxt.pro

SYMBOL = "BTC/USDT:USDT"


def replace_hosts(urls, host):
    """Every URL of the exchange, its path kept, on the given host."""
    replaced = {}
    for name, url in urls.items():
        if isinstance(url, dict):
            replaced[name] = replace_hosts(url, host)
        else:
            scheme, rest = url.split("://", 1)
            path = rest.split("/", 1)[1] if "/" in rest else ""
            scheme = "wss" if scheme.startswith("ws") else "https"
            replaced[name] = f"{scheme}://{host}/{path}"
    return replaced


async def watch(method, *args, count=1):
    return [await asyncio.wait_for(method(*args), 20) for _ in range(count)]


async def orders(exchange):
    """A resting order is queried and cancelled, another one fills."""
    price = (await exchange.fetch_ticker(SYMBOL))["last"] * 0.97
    price = exchange.price_to_precision(SYMBOL, price)
    rests = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, price)
    found = await exchange.fetch_order(rests["id"], SYMBOL)
    gone = await exchange.cancel_order(rests["id"], SYMBOL)
    filled = await exchange.create_order(SYMBOL, "market", "buy", 0.02)
    (position,) = await exchange.fetch_positions([SYMBOL])
    return {
        "states": [rests["status"], found["status"], gone["status"]],
        "filled": (await exchange.fetch_order(filled["id"], SYMBOL))["filled"],
        "position": position["contracts"],
        "balance": (await exchange.fetch_balance())["USDT"]["total"],
        "trades": len(await exchange.fetch_my_trades(SYMBOL)),
    }


async def main(url, ca_file):
    exchange = ccxt.pro.binanceusdm(
        {
            "apiKey": os.environ["PEER_KEY"],
            "secret": os.environ["PEER_SECRET"],
            "cafile": ca_file,
            "enableRateLimit": False,
            "options": {
                "fetchCurrencies": False,
                "fetchMarkets": {"types": ["linear"]},
            },
        }
    )
    host = url.split("://")[1]
    exchange.urls["api"] = replace_hosts(exchange.urls["api"], host)
    exchange.urls["api"]["ws"]["linear"] = f"wss://{host}/ws"
    try:
        markets = await exchange.load_markets()
        active = [m["id"] for m in markets.values() if m["active"] and m["swap"]]
        book = (await watch(exchange.watch_order_book, SYMBOL, count=4))[-1]
        return {
            "markets": active,
            "time": await exchange.fetch_time(),
            "ohlcv": await exchange.fetch_ohlcv(SYMBOL, "15m", limit=300),
            "depth": await exchange.fetch_order_book(SYMBOL, 100),
            "trades": len(await exchange.fetch_trades(SYMBOL, limit=50)),
            "ticker": await exchange.fetch_ticker(SYMBOL),
            "funding": await exchange.fetch_funding_rate(SYMBOL),
            "ws_ohlcv": await watch(exchange.watch_ohlcv, SYMBOL, "1m", count=2),
            "ws_trades": (await watch(exchange.watch_trades, SYMBOL))[0],
            "ws_ticker": (await watch(exchange.watch_ticker, SYMBOL))[0],
            "ws_bids_asks": (await watch(exchange.watch_bids_asks, [SYMBOL]))[0],
            "ws_book": {"bids": book["bids"][:5], "asks": book["asks"][:5]},
            "orders": await orders(exchange),
        }
    finally:
        await exchange.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2]))))
