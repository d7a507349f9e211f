"""The simulated exchange as a soak sees it: its faults, its clock, its own truth."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

TIMEOUT_SECONDS = 10.0
BARS_A_PAGE = 1500
TRADES_A_PAGE = 1000
PATIENCE_SECONDS = 70.0

Bar = tuple[float, ...]
Print = tuple[int, float, float, bool]


class Exchange:
    """Speaks to the plain port of the simulator, which no fault reaches but a ban."""

    def __init__(self, plain_url: str) -> None:
        self._url = plain_url

    # -- faults -----------------------------------------------------------------

    def connections(self) -> list[int]:
        """Return the numbers of the open stream sockets."""
        return [
            row["connection"] for row in self._ask("GET", "/sim/status")["connections"]
        ]

    def arm(self, options: Mapping[str, Any]) -> int:
        """Arm a fault and return its number."""
        return int(self._ask("POST", "/sim/faults", options)["id"])

    def disarm(self, number: int) -> None:
        """End a fault; one that a killed simulator took along is gone anyway."""
        try:
            self._ask("DELETE", f"/sim/faults/{number}")
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def disarm_all(self) -> None:
        """End every fault."""
        self._ask("DELETE", "/sim/faults")

    def hits(self) -> dict[int, int]:
        """Return how often each fault struck."""
        return {
            row["id"]: row["hits"] for row in self._ask("GET", "/sim/faults")["faults"]
        }

    # -- truth ------------------------------------------------------------------

    def now_ms(self) -> int:
        """Return the exchange's time."""
        return int(self._ask("GET", "/fapi/v1/time")["serverTime"])

    def bars(self, symbol: str, interval: str, first: int, last: int) -> dict[int, Bar]:
        """Return the values of the bars from ``first`` to ``last`` by open time."""
        found: dict[int, Bar] = {}
        start = first
        while start <= last:
            rows = self._read(
                "/fapi/v1/klines",
                symbol=symbol,
                interval=interval,
                startTime=start,
                limit=BARS_A_PAGE,
            )
            if not rows:
                break
            found |= {row[0]: _bar(row) for row in rows if row[0] <= last}
            start = rows[-1][0] + 1
        return found

    def trades(self, symbol: str, first: int, last: int) -> Iterator[Print]:
        """Yield the aggregated trades with these ids."""
        while first <= last:
            rows = self._read(
                "/fapi/v1/aggTrades", symbol=symbol, fromId=first, limit=TRADES_A_PAGE
            )
            if not rows:
                return
            for row in rows:
                if row["a"] <= last:
                    yield row["a"], float(row["p"]), float(row["q"]), bool(row["m"])
            first = rows[-1]["a"] + 1

    def _read(self, path: str, **parameters: object) -> Any:
        """Ask, and wait when the exchange says that it was asked too much."""
        query = urllib.parse.urlencode(parameters)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._ask("GET", f"{path}?{query}")
            except urllib.error.HTTPError as error:
                wait = float(error.headers.get("Retry-After") or 0)
                if not wait or time.monotonic() + wait > deadline:
                    raise
                time.sleep(wait)

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)


def _bar(row: list[Any]) -> Bar:
    """The nine values of a bar: o, h, l, c, v, quote, trades, taker base and quote."""
    return tuple(float(row[index]) for index in (1, 2, 3, 4, 5, 7, 8, 9, 10))
