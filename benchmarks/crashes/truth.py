"""What the exchange itself has, asked with requests that share nothing with the product."""

import hashlib
import hmac
import json
import ssl
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

PAGE = 1000


@dataclass(frozen=True)
class Known:
    """One account's truth. ``doubled``: client ids that more than one order has."""

    orders: dict[str, tuple[str, Decimal]]
    doubled: tuple[str, ...]
    trades: frozenset[tuple[str, int]]
    positions: dict[str, Decimal]
    wallet: Decimal


class Truth:
    """Asks one account by its key and secret."""

    def __init__(self, url: str, ca_file: str, key: str, secret: str) -> None:
        self._url = url
        self._context = ssl.create_default_context(cafile=ca_file)
        self._key = key
        self._secret = secret.encode()

    def known(self, symbols: tuple[str, ...]) -> Known:
        """Return everything of these symbols."""
        orders: dict[str, tuple[str, Decimal]] = {}
        doubled: list[str] = []
        trades: set[tuple[str, int]] = set()
        for symbol in symbols:
            for row in self._pages("/fapi/v1/allOrders", symbol, "orderId", "orderId"):
                if row["clientOrderId"] in orders:
                    doubled.append(row["clientOrderId"])
                orders[row["clientOrderId"]] = (
                    row["status"].lower(),
                    Decimal(row["executedQty"]),
                )
            for row in self._pages("/fapi/v1/userTrades", symbol, "fromId", "id"):
                trades.add((symbol, int(row["id"])))
        positions = {
            row["symbol"]: Decimal(row["positionAmt"])
            for row in self._ask("/fapi/v3/positionRisk")
            if Decimal(row["positionAmt"])
        }
        wallet = next(
            Decimal(row["balance"])
            for row in self._ask("/fapi/v3/balance")
            if row["asset"] == "USDT"
        )
        return Known(orders, tuple(doubled), frozenset(trades), positions, wallet)

    def _pages(self, path: str, symbol: str, word: str, number: str) -> list[Any]:
        found: list[Any] = []
        first = 1
        while True:
            page = self._ask(path, symbol=symbol, limit=PAGE, **{word: first})
            found += page
            if len(page) < PAGE:
                return found
            first = int(page[-1][number]) + 1

    def _ask(self, path: str, **query: Any) -> Any:
        query |= {"timestamp": time.time_ns() // 1_000_000, "recvWindow": 60_000}
        text = urllib.parse.urlencode(query)
        signature = hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"{self._url}{path}?{text}&signature={signature}",
            headers={"X-MBX-APIKEY": self._key},
        )
        with urllib.request.urlopen(
            request, timeout=10, context=self._context
        ) as answer:
            return json.load(answer)
