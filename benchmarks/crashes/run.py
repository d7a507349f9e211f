"""Kills the trader at every point, lets it come back, and compares everything."""

import contextlib
import json
import random
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import redis as redis_package
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import OperationalError, close_old_connections
from pydantic import SecretStr

from accounts import account_services, intents, keys
from accounts.intent_documents import (
    CancelAll,
    ClosePosition,
    Payload,
    PlaceOrder,
)
from accounts.models import ExchangeAccount, User
from accounts.trader_status import PROCESS, TABLE
from benchmarks.child import say
from benchmarks.crashes import verify
from benchmarks.crashes.circumstances import circumstance
from benchmarks.crashes.plan import RANDOM, Death, deaths
from benchmarks.crashes.truth import Truth
from benchmarks.installation import Installation
from benchmarks.processes import Process, module, until
from core import wire
from core.benchmark import MeasurementError
from core.errors import BusUnavailable
from core.redis import key
from market.models import Instrument

VENUE = "simulator"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
ACCOUNTS = ("one", "two")
BALANCE = 100_000_000
# A start waits for the next minute when the budget of this one is used up.
READY_SECONDS = 150.0
AGREE_SECONDS = 30.0
DEATH_SECONDS = 6.0
QUOTE_SECONDS = 1.0
AGAIN_SECONDS = 1.0


class Plant:
    """Redis, exchange and accounts around a trader that dies and comes back."""

    def __init__(self, where: Installation, stack: ExitStack, seed: int) -> None:
        self.where = where
        self.rng = random.Random(seed)
        self._stack = stack
        self._redis_process: Process | None = None
        self._redis("start")
        stack.callback(self._redis, "end")
        self.url, self.ca_file, self.control = self._exchange(seed)
        self.truths = {name: self._open(name) for name in ACCOUNTS}
        self._stop = threading.Event()
        quoting = threading.Thread(target=self._quote, daemon=True)
        quoting.start()
        stack.callback(self._stop.set)

    # -- surroundings -----------------------------------------------------------

    def _redis(self, what: str) -> None:
        if what == "end" and self._redis_process is not None:
            self._redis_process.end()
            self._redis_process = None
        elif what == "start":
            self._redis_process = self.where.process("run_redis")
            until(self._redis_answers, seconds=READY_SECONDS, what="Redis answers")

    def _redis_answers(self) -> bool:
        with (
            contextlib.suppress(redis_package.RedisError, OSError),
            self.where.redis_client() as client,
        ):
            return bool(client.ping())
        return False

    def _exchange(self, seed: int) -> tuple[str, str, str]:
        market = settings.QUANTAI.market
        plain = settings.QUANTAI.simulator.plain_port
        port = market.simulator_url.rpartition(":")[2]
        process = self.where.process(
            "run_simulator", f"--port={port}", f"--plain-port={plain}", f"--seed={seed}"
        )
        self._stack.callback(process.end)
        control = f"http://127.0.0.1:{plain}"

        def listens() -> bool:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{control}/fapi/v1/time", timeout=2).close()
                return True
            return False

        until(listens, seconds=READY_SECONDS, what="the exchange listens")
        return market.simulator_url, market.simulator_ca, control

    def _open(self, name: str) -> Truth:
        """Make an account there and here."""
        request = urllib.request.Request(
            f"{self.control}/sim/accounts",
            data=json.dumps({"name": name, "balance": str(BALANCE)}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            made = json.load(answer)
        row = account_services.account_create(
            actor="crash", venue=VENUE, name=name, mode="exchange"
        )
        account_services.keys_set(
            row,
            actor="crash",
            api_key=SecretStr(made["key"]),
            api_secret=SecretStr(made["secret"]),
        )
        return Truth(self.url, self.ca_file, made["key"], made["secret"])

    def _quote(self) -> None:
        """Write prices as the feed does, whenever Redis is there."""
        while not self._stop.wait(QUOTE_SECONDS):
            with (
                contextlib.suppress(redis_package.RedisError, OSError),
                self.where.redis_client() as client,
            ):
                for symbol in SYMBOLS:
                    told = self.get(f"/fapi/v1/premiumIndex?symbol={symbol}")
                    price = float(told["markPrice"])
                    item: dict[str, Any] = dict.fromkeys(("p", "b", "a", "m"), price)
                    item |= {"t": told["time"], "s": [0, 0, 0]}
                    table = key("state", VENUE, "quotes")
                    client.hset(table, symbol, wire.encode(item))

    def get(self, path: str) -> Any:
        """Ask the exchange something public."""
        with urllib.request.urlopen(f"{self.control}{path}", timeout=5) as answer:
            return json.load(answer)

    # -- the trader -------------------------------------------------------------

    def start_trader(self) -> Process:
        """Start it; returns when its accounts are open and nothing is unanswered."""
        begun = time.time_ns() // 1_000_000
        victim = module(
            "benchmarks.crashes.victim",
            {},
            environment=self.where.environment,
            log=self.where.log,
            core=None,
        )
        self._stack.callback(_end, victim)

        def settled() -> bool:
            if not victim.alive:
                raise victim.failure("the trader ended by itself")
            return self._open_since(begun) and not verify.unanswered()

        try:
            until(settled, seconds=READY_SECONDS, what="the trader is open")
        except MeasurementError as error:
            _tell(victim, "tasks")
            time.sleep(1)
            raise victim.failure(str(error)) from error
        return victim

    def _open_since(self, begun: int) -> bool:
        with (
            contextlib.suppress(redis_package.RedisError, OSError),
            self.where.redis_client() as client,
        ):
            raw: Any = client.hgetall(key("state", VENUE, TABLE))
            rows = {name.decode(): wire.decode(value) for name, value in raw.items()}
            fresh = rows.get(PROCESS, {}).get("at", 0) > begun
            return fresh and all(rows.get(n, {}).get("ready") for n in ACCOUNTS)
        return False

    def journal(self) -> Path:
        """Where the trader keeps its journal."""
        return self.where.var / "journal" / f"trader-{VENUE}"

    # -- intents ----------------------------------------------------------------

    def ask(self) -> int:
        """Ask for one to three things; returns how many."""
        count = self.rng.randint(1, 3)
        for number in range(count):
            # The first is always an order: without one, few points are reached.
            payload = self._payload(self.rng.random() if number else 1.0)
            with contextlib.suppress(BusUnavailable, intents.TraderAbsent):
                intents.intent_submit(payload=payload, actor="crash", source="crash")
        return count

    def _payload(self, kind: float) -> Payload:
        symbol = self.rng.choice(SYMBOLS)
        if kind < 0.08:
            return CancelAll(symbol)
        if kind < 0.16:
            return ClosePosition(symbol)
        side = self.rng.choice(("BUY", "SELL"))
        told = self.get(f"/fapi/v1/premiumIndex?symbol={symbol}")
        near = Decimal("0.99") if side == "BUY" else Decimal("1.01")
        price = (Decimal(told["markPrice"]) * near).quantize(Decimal("0.1"))
        limit = self.rng.random() < 0.3
        return PlaceOrder(
            symbol=symbol,
            side="BUY" if side == "BUY" else "SELL",
            quantity=Decimal(self.rng.randint(10, 60)) / 1000 * 2,
            order_type="LIMIT" if limit else "MARKET",
            price=price if limit else Decimal(0),
            policy=self.rng.choice(("continue", "unwind")),
            strategy="equal",
        )


def main(points: int, seed: int, folder: str) -> dict[str, Any]:
    """Kill the trader ``points`` times; returns counts and every disagreement."""
    where = Installation(Path(folder))
    where.environment = dict(_environment())
    plant_rows()
    counts: Counter[str] = Counter()
    problems: list[str] = []
    names: set[str] = set()
    begun = time.monotonic()
    with ExitStack() as stack:
        plant = Plant(where, stack, seed)
        victim = plant.start_trader()
        for number, death in enumerate(deaths(points, seed), 1):
            how = _kill(plant, victim, death, counts)
            names |= verify.journalled(plant.journal())
            victim = plant.start_trader()
            found = _agree(plant, names)
            problems += [f"point {number} ({how}): {text}" for text in found]
            counts[how] += 1
            say(f"point {number}/{points}: {how}: {len(found)} disagreements")
        _end(victim)
        counts["orders on the exchange"] = sum(
            len(one.known(SYMBOLS).orders) for one in plant.truths.values()
        )
    return {
        "points": points,
        "seed": seed,
        "seconds": round(time.monotonic() - begun, 1),
        "counts": dict(sorted(counts.items())),
        "journalled": len(names),
        "lost": sum(" lost" in text for text in problems),
        "doubled": sum("doubled" in text for text in problems),
        "problems": problems,
    }


def _environment() -> Iterator[tuple[str, str]]:
    """This process runs in the private installation itself."""
    from quantai_site.config import child_environment

    yield from child_environment({}).items()


def plant_rows() -> None:
    """Make what a trader needs in the database."""
    keys.check_master_key()
    for symbol, tick in zip(SYMBOLS, ("0.1", "0.01"), strict=True):
        Instrument.objects.update_or_create(
            venue=VENUE,
            symbol=symbol,
            defaults={
                "base": symbol.removesuffix("USDT"),
                "quote": "USDT",
                "status": "TRADING",
                "tick_size": tick,
                "step_size": "0.001",
                "min_notional": "5",
            },
        )
    user, _ = User.objects.get_or_create(username="crash")
    user.groups.add(Group.objects.get_or_create(name="trader")[0])


def _kill(plant: Plant, victim: Process, death: Death, counts: Counter[str]) -> str:
    """Ask for something and let the trader die of it; returns how it died."""
    if death.point != RANDOM:
        victim.tell(f"arm {death.point} {death.times}")
    counts["intents"] += plant.ask()
    told = death.point
    with circumstance(
        death.circumstance,
        death.circumstance_ms / 1000,
        database=Path(str(settings.DATABASES["default"]["NAME"])),
        tell=lambda line: _tell(victim, line),
        redis=plant._redis,
    ):
        if death.point == RANDOM:
            time.sleep(death.after_ms / 1000)
            victim.status.kill()
            victim.wait(DEATH_SECONDS)
        else:
            try:
                victim.wait(DEATH_SECONDS)
            except subprocess.TimeoutExpired:
                told = "not reached, killed"
                victim.status.kill()
                victim.wait(DEATH_SECONDS)
    _end(victim)
    return f"{told}, {death.circumstance}"


def _end(victim: Process) -> None:
    """End it; a line that it can no longer read is no mistake."""
    try:
        victim.end()
    except BrokenPipeError:
        victim.end()


def _tell(victim: Process, line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        victim.tell(line)


def _agree(plant: Plant, names: set[str]) -> list[str]:
    """Compare until all is the same; what differs after a while is returned."""
    deadline = time.monotonic() + AGREE_SECONDS
    while True:
        close_old_connections()
        try:
            found = _compared(plant, names)
        except OperationalError as error:
            found = [f"the database: {error}"]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(AGAIN_SECONDS)


def _compared(plant: Plant, names: set[str]) -> list[str]:
    found = [*verify.missing(names), *verify.unanswered()]
    for name, truth in plant.truths.items():
        account = ExchangeAccount.objects.get(venue=VENUE, name=name)
        found += verify.disagreements(account, truth.known(SYMBOLS))
    return found


__all__ = ["MeasurementError", "main"]
