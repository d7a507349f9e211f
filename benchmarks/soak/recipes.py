"""Which faults a soak draws from: every kind of docs/faults.md, and whole processes.

Answers that ask for silence ask for seconds here. Left out are 403 (the client keeps
silent for a minute, whatever it was asked) and 451 (it waits for a person).
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Draw = Callable[[random.Random, list[str]], dict[str, Any]]

SHORTEST, LONGEST = 1.2, 3.0
HELD_SECONDS: Final = 2.0
# Bars go missing at once, REST is asked for them some seconds later.
MUTED_SECONDS: Final = 1.5
BARS: Final = "*@kline_1m"
# The product gives a stream up to a minute before it calls it silent.
SLOW_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Recipe:
    """How faults of one kind are made.

    ``weight`` is the number of cards in the deck. ``lasts`` scales the length, 0 is
    an event. ``one_of_many``: mostly one connection is struck, at times a route or
    all. ``with_cut``: what it strikes is only met on the way to a new connection, so
    one is reset; ``with_mute``: only met when bars are missing. ``process`` names
    what is struck in place of the exchange. ``slow``: noticed after a minute.
    """

    kind: str
    weight: int = 2
    lasts: float = 1.0
    draw: Draw = field(default=lambda rng, symbols: {})
    one_of_many: bool = False
    with_cut: bool = False
    with_mute: bool = False
    process: str = ""
    slow: bool = False


def _one_of(**choices: tuple[object, ...]) -> Draw:
    def draw(rng: random.Random, symbols: list[str]) -> dict[str, Any]:
        return {name: rng.choice(values) for name, values in choices.items()}

    return draw


def _always(**options: Any) -> Draw:
    return lambda rng, symbols: dict(options)


def _close(rng: random.Random, symbols: list[str]) -> dict[str, Any]:
    code = rng.choice((1000, 1001, 1006, 1008, 1011, 1012, 1013))
    return {"code": code, "text": "Too many requests" if code == 1008 else ""}


def _clock(rng: random.Random, symbols: list[str]) -> dict[str, Any]:
    return {"milliseconds": rng.choice((-1, 1)) * rng.randint(2_000, 120_000)}


def _stream(rng: random.Random, symbols: list[str]) -> dict[str, Any]:
    return {"stream": f"{rng.choice(symbols).lower()}@kline_1m"}


def _symbol(rng: random.Random, symbols: list[str]) -> dict[str, Any]:
    return {"symbol": rng.choice(symbols)}


def _events() -> list[Recipe]:
    def event(kind: str, weight: int = 2, **more: Any) -> Recipe:
        return Recipe(kind, weight, lasts=0, one_of_many=True, **more)

    shapes = ("auto", "raw", "combined", "event")
    return [
        event("tls_flip", 3),
        event("tls_duplicate"),
        event("tls_drop"),
        event("rst", 4),
        event("fin", 3),
        event("half_frame"),
        event("close", 4, draw=_close),
        event(
            "server_shutdown", draw=_one_of(shape=shapes, seconds=(HELD_SECONDS, 3.0))
        ),
        Recipe("forget_stream", 1, lasts=0, draw=_stream, slow=True),
    ]


def _lines() -> list[Recipe]:
    def line(kind: str, weight: int = 2, **more: Any) -> Recipe:
        return Recipe(kind, weight, one_of_many=True, **more)

    return [
        line(
            "black_hole",
            3,
            lasts=1.5,
            draw=_one_of(direction=("up", "down", "both")),
        ),
        line("delay", draw=_one_of(seconds=(0.3, 0.8), jitter_seconds=(0.0, 0.4))),
        line("throttle", draw=_one_of(bytes_per_second=(2_000, 10_000))),
        line("backlog", draw=_one_of(seconds=(1.0, 2.0))),
        line("no_pong", lasts=1.5),
        line("no_ping", 1),
        line("life", draw=_one_of(seconds=(0.8, 1.4))),
    ]


def _frames() -> list[Recipe]:
    patterns = ("*@kline_*", BARS, "*@bookTicker", "*@aggTrade", "*")
    streams = _one_of(stream=patterns)
    chance = _always(probability=0.3)
    return [
        Recipe("mute", 4, draw=streams),
        Recipe("duplicate", draw=streams),
        Recipe("unknown_field", 1, draw=streams),
        Recipe("unknown_enum", draw=streams),
        Recipe("unknown_symbol", 1),
        Recipe("depth_gap", 1, draw=chance),
        Recipe("depth_rewind", 1, draw=chance),
        Recipe("depth_crossed", 1, draw=chance),
        Recipe("na_trade", 1),
    ]


def _doors() -> list[Recipe]:
    refusals = ("400", "418", "429", "503A", "503B", "503C")
    answers = (
        *refusals,
        *("-1021", "html", "empty", "hang"),
        *("truncated", "slow", "wrong_length", "unknown_values"),
    )
    held = (HELD_SECONDS,)
    hang = _always(seconds=HELD_SECONDS)
    shapes = ("expired", "wrong_host", "unknown_ca", "tls11")
    return [
        Recipe(
            "handshake", 3, draw=_one_of(answer=refusals, seconds=held), with_cut=True
        ),
        Recipe("handshake_hang", draw=hang, with_cut=True),
        Recipe("tls_hang", with_cut=True),
        Recipe("offline", 4),
        Recipe("certificate", draw=_one_of(shape=shapes), with_cut=True),
        Recipe("ack_without_data", 1, draw=_stream, with_cut=True, slow=True),
        Recipe(
            "rest",
            4,
            lasts=3.5,
            draw=_one_of(answer=answers, seconds=held),
            with_mute=True,
        ),
        Recipe("ban", lasts=0, draw=_always(seconds=HELD_SECONDS), with_cut=True),
        Recipe("clock_jump", 1, draw=_clock),
        Recipe("delist", 1, draw=_symbol),
    ]


def _processes() -> list[Recipe]:
    return [
        Recipe("feed_kill", 2, lasts=0, process="feed"),
        Recipe("feed_pause", 2, process="feed"),
        Recipe("redis_kill", 2, lasts=0.3, process="redis"),
        Recipe("simulator_kill", 2, lasts=0.3, process="simulator"),
    ]


RECIPES: Final = [*_events(), *_lines(), *_frames(), *_doors(), *_processes()]
# A stream that moved is followed where it went for the life of the client; no exchange
# moves one for seconds. The soak has no accounts.
LEFT_OUT: Final = frozenset({"move_stream", "user_event", "listen_key"})
BY_KIND: Final[Mapping[str, Recipe]] = {recipe.kind: recipe for recipe in RECIPES}
# Lose the memory of a process: one long life is kept to see whether it grows.
ENDS_LIFE: Final = frozenset({"feed_kill"})
