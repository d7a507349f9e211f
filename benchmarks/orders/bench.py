"""``bench orders``: a distributed order, from REST through the trader and back."""

import json
import statistics
import time
import urllib.request
from collections import Counter
from typing import Any

from benchmarks.installation import Installation, free_ports, installation
from benchmarks.processes import until
from benchmarks.running import Product, make_token, running_product
from core import wire
from core.benchmark import Bound, Row, Session, at_most
from core.redis import key
from quantai_site.supervision.ports import listening

LATENCY_MS = 50
SYMBOL = "BTCUSDT"
QUANTITY_EACH = 0.002
SYMBOLS = 10
OPEN_SECONDS = 180.0
# Accounts → what an order over all of them may take, in ms: must and target.
BOUNDS: dict[int, tuple[Bound, Bound | None]] = {
    10: (at_most(1_000.0), at_most(250.0)),
    100: (at_most(2_000.0), None),
}
ORDERS = 12
NAMES = {"exchange": "accounts on the exchange", "paper": "paper accounts"}
SETTINGS = {
    "MARKET_SYMBOLS": str(SYMBOLS),
    "ACCOUNTS_PAPER_LATENCY_MS": str(LATENCY_MS),
    # A hundred accounts that are opened at once ask more than an address may.
    "SIMULATOR_WEIGHT_LIMIT": "1000000",
}


class OrdersBenchmark:
    """Milliseconds from posting an order to its answer, all parts filled and stored."""

    name = "orders"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        sizes = (2,) if session.quick else tuple(BOUNDS)
        rows = []
        for mode in ("exchange", "paper"):
            for size in sizes:
                rows += _on_accounts(session, mode, size)
        return rows


def _on_accounts(session: Session, mode: str, size: int) -> list[Row]:
    """Measure an installation with so many accounts."""
    (plain,) = free_ports(1)
    chosen = SETTINGS | {"SIMULATOR_PLAIN_PORT": str(plain)}
    with installation(migrate=True, **chosen) as where:
        token = make_token(where, "trade")
        with running_product(where, token) as product:
            # The page is there before the exchange is.
            until(
                lambda: listening(plain),
                seconds=OPEN_SECONDS,
                what="the exchange listens",
                tail=product.tail,
            )
            make_accounts(where, mode, size)
            wait_until_open(where, product, size)
            return _measure(session, product, mode, size)


def _measure(session: Session, product: Product, mode: str, size: int) -> list[Row]:
    orders = 3 if session.quick else ORDERS
    _once(product, size, 1)  # the first one makes connections and plans
    found = session.interleave(
        f"{size} {mode} accounts", {"orders": lambda: _once(product, size, orders)}
    )["orders"]
    answers = [one for run in found for one in run["answers"]]
    trader = [one for run in found for one in run["trader"]]
    must, target = BOUNDS.get(size, (at_most(1_000.0), None))
    middle = statistics.median(answers)
    return [
        Row(
            f"{size} {NAMES[mode]}, {LATENCY_MS} ms latency: order to answer",
            middle,
            "ms",
            must,
            target,
            f"slowest of {len(answers)} {max(answers):.0f} ms; in the trader "
            f"{statistics.median(trader):.0f} ms, in all {len(answers) * size} orders",
        )
    ]


def _once(product: Product, size: int, orders: int) -> dict[str, Any]:
    """Send orders one after the other; each must be filled on every account."""
    answers, inside = [], []
    for number in range(orders):
        begun = time.perf_counter()
        told = product.post(
            "accounts/orders",
            {
                "symbol": SYMBOL,
                "side": ("BUY", "SELL")[number % 2],
                "quantity": f"{QUANTITY_EACH * size:.3f}",
                "strategy": "equal",
                "wait": 30,
            },
        )
        answers.append((time.perf_counter() - begun) * 1000)
        inside.append(told["result"]["seconds"] * 1000)
        states = Counter(one["state"] for one in told["result"]["accounts"])
        if states != {"filled": size}:
            text = f"an order was not filled everywhere: {dict(states)} "
            raise product.failure(text + told["result"]["message"][:200])
    return {"answers": answers, "trader": inside}


def make_accounts(where: Installation, mode: str, size: int) -> None:
    """Make that many accounts, here and, unless of paper, on the exchange.

    The exchange then answers every order ``LATENCY_MS`` after it was executed.
    """
    keys = []
    if mode == "exchange":
        keys = [
            _console(where, "/sim/accounts", {"name": f"bench-{number:03}"})
            for number in range(size)
        ]
        slow = {"kind": "rest", "answer": "executed_late", "path": "/fapi/v1/order"}
        _console(where, "/sim/faults", slow | {"seconds": LATENCY_MS / 1000})
    code = (
        "import json\n"
        "from pydantic import SecretStr\n"
        "from accounts.account_services import account_create, keys_set\n"
        f"for n, made in enumerate(json.loads({json.dumps(json.dumps(keys))}) "
        f"or [None] * {size}):\n"
        "    row = account_create(actor='bench', venue='simulator', "
        f"name=f'bench-{{n:03}}', mode='{mode}')\n"
        "    if made:\n"
        "        keys_set(row, actor='bench', api_key=SecretStr(made['key']), "
        "api_secret=SecretStr(made['secret']))\n"
    )
    where.manage("shell", "-c", code)


def _console(where: Installation, path: str, wanted: dict[str, Any]) -> Any:
    """Ask the simulator's control port."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{where.environment['SIMULATOR_PLAIN_PORT']}{path}",
        data=json.dumps(wanted).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_until_open(where: Installation, product: Product, size: int) -> None:
    """Wait until the trader has opened all accounts and the symbol has a price."""
    with where.redis_client() as redis:

        def told(topic: str) -> dict[str, Any]:
            rows: Any = redis.hgetall(key("state", "simulator", topic))
            return {name.decode(): wire.decode(raw) for name, raw in rows.items()}

        def all_open() -> bool:
            ready = sum(bool(row.get("ready")) for row in told("trader").values())
            # Paper accounts also want to know how old a price is.
            feed, quote = told("feed").get("feed", {}), told("quotes").get(SYMBOL, {})
            known = feed.get("exchange_time") and feed.get("data_at") and quote.get("t")
            return ready >= size and bool(known)

        until(
            all_open,
            seconds=OPEN_SECONDS,
            what=f"{size} accounts open",
            tail=product.tail,
        )
