"""The kinds of faults: what each does, how it can be chosen and what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Group(StrEnum):
    """Where a fault strikes, and what one chance to strike is."""

    EVENT = "once on a connection (or at the nth message of its streams)"
    LINE = "lasting, on each connection"
    FRAME = "each message of a stream"
    SUBSCRIPTION = "each stream asked for"
    DIAL = "each handshake of a stream socket"
    ARRIVAL = "each TCP connection of the TLS port, REST included"
    REQUEST = "each REST request"
    USER_EVENT = "each event of a user data stream"
    EXCHANGE = "the exchange as a whole"


@dataclass(frozen=True)
class Kind:
    """``parameters`` maps each parameter to its default; None means it must be given."""

    group: Group
    says: str
    parameters: Mapping[str, object] = field(default_factory=dict)


_RECORD = "of the next TLS record from the exchange; the reader finds a bad record MAC"

KINDS: Final[dict[str, Kind]] = {
    "tls_flip": Kind(Group.EVENT, f"flip one bit {_RECORD}"),
    "tls_duplicate": Kind(Group.EVENT, "send the next TLS record twice"),
    "tls_drop": Kind(Group.EVENT, "leave the next TLS record out"),
    "rst": Kind(Group.EVENT, "reset the TCP connection"),
    "fin": Kind(Group.EVENT, "TCP FIN with no close frame before it"),
    "half_frame": Kind(Group.EVENT, "half of the next frame, then the end"),
    "close": Kind(
        Group.EVENT,
        "close frame with that code (1006: none at all)",
        {"code": 1001, "text": ""},
    ),
    "server_shutdown": Kind(
        Group.EVENT,
        "announce serverShutdown (shape raw, combined, event or auto), close 1001 "
        "after so many seconds (0: never)",
        {"shape": "auto", "seconds": 10.0},
    ),
    "forget_stream": Kind(
        Group.EVENT, "unsubscribe streams in silence; LIST_SUBSCRIPTIONS shows it"
    ),
    "black_hole": Kind(
        Group.LINE,
        "bytes vanish on their way up, down or both; the connection stays open",
        {"direction": "both"},
    ),
    "delay": Kind(
        Group.LINE,
        "everything comes later by so many seconds, plus up to jitter_seconds",
        {"seconds": 0.5, "jitter_seconds": 0.0},
    ),
    "throttle": Kind(
        Group.LINE, "so many bytes per second and no more", {"bytes_per_second": 1000}
    ),
    "backlog": Kind(
        Group.LINE,
        "hold everything for so many seconds, then send it late",
        {"seconds": 5.0},
    ),
    "no_pong": Kind(Group.LINE, "leave the client's pings unanswered"),
    "no_ping": Kind(Group.LINE, "send no pings"),
    "life": Kind(
        Group.LINE, "close 1001 at that age (24 h at a faster clock)", {"seconds": None}
    ),
    "mute": Kind(
        Group.FRAME, "say nothing on the chosen streams; with a count, lose messages"
    ),
    "duplicate": Kind(Group.FRAME, "send messages twice"),
    "unknown_field": Kind(Group.FRAME, "add fields that nobody knows"),
    "unknown_enum": Kind(
        Group.FRAME,
        "give a field a value that nobody knows",
        {"field": "e", "value": "somethingNew"},
    ),
    "unknown_symbol": Kind(
        Group.FRAME,
        "add a COIN-M contract (st 2) that is in no list",
        {"value": "NOBODYUSD_PERP"},
    ),
    "depth_gap": Kind(Group.FRAME, "lose an order book diff: the pu chain breaks"),
    "depth_rewind": Kind(Group.FRAME, "send the order book message before once more"),
    "depth_crossed": Kind(Group.FRAME, "best bid above the best ask"),
    "na_trade": Kind(Group.FRAME, "after each trade one with X = NA and zeros"),
    "ack_without_data": Kind(
        Group.SUBSCRIPTION, "acknowledge and list the stream, never send its data"
    ),
    "move_stream": Kind(
        Group.SUBSCRIPTION,
        "serve the stream on the other class of market data (public, market) only",
    ),
    "handshake": Kind(
        Group.DIAL,
        "answer the handshake with 400, 403, 418, 429, 451, 503A, 503B or 503C",
        {"answer": None, "seconds": 10.0},
    ),
    "handshake_hang": Kind(
        Group.DIAL, "leave the handshake unanswered, at most so long", {"seconds": 60.0}
    ),
    "tls_hang": Kind(Group.ARRIVAL, "accept TCP and answer nothing, not even TLS"),
    "offline": Kind(
        Group.ARRIVAL, "reset what is open and every TCP connection that comes"
    ),
    "certificate": Kind(
        Group.ARRIVAL,
        "show a certificate that is expired, for a wrong_host, of an unknown_ca, or "
        "offer tls11 only",
        {"shape": None},
    ),
    "rest": Kind(
        Group.REQUEST,
        "answer REST with one of the table of answers; executed_unknown (-1007), "
        "executed_lost (no answer) and executed_late act first",
        {"answer": None, "seconds": 10.0},
    ),
    "user_event": Kind(
        Group.USER_EVENT,
        "duplicate events, drop them, send them late by so many seconds, or shuffle: "
        "hold each behind the one that follows",
        {"shape": None, "seconds": 1.0},
    ),
    "listen_key": Kind(
        Group.EXCHANGE,
        "end the listen keys: expired (with the notice) or deleted (in silence, as by "
        "another program); value names one account",
        {"shape": "expired", "value": ""},
    ),
    "ban": Kind(
        Group.EXCHANGE,
        "418 to every request and handshake until the ban ends; hits are those that "
        "came all the same",
        {"seconds": 10.0},
    ),
    "clock_jump": Kind(
        Group.EXCHANGE,
        "the clock that the exchange shows is off by so much",
        {"milliseconds": None},
    ),
    "delist": Kind(
        Group.EXCHANGE,
        "SETTLING in exchangeInfo, !contractInfo says so, its streams end",
    ),
}

_ON_CONNECTIONS = frozenset({"connection", "route", "stream", "symbol"})

# How the things that a group strikes can be chosen.
SELECTORS: Final[dict[Group, frozenset[str]]] = {
    Group.EVENT: _ON_CONNECTIONS,
    Group.LINE: _ON_CONNECTIONS,
    Group.FRAME: _ON_CONNECTIONS,
    Group.SUBSCRIPTION: _ON_CONNECTIONS,
    Group.DIAL: frozenset({"route"}),
    Group.ARRIVAL: frozenset(),
    Group.REQUEST: frozenset({"path", "symbol"}),
    Group.USER_EVENT: frozenset({"symbol"}),
    Group.EXCHANGE: frozenset(),
}
NEEDS_SYMBOL: Final = frozenset({"delist"})
