"""Faults that happen once to a connection: cuts, closes, notices, damaged records."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Final

from market.simulator.cuts import finish, reset
from market.simulator.exchange import Exchange
from market.simulator.faults.armed import Armed
from market.simulator.faults.selection import strikes_connection, strikes_stream
from market.simulator.frames import text_frame
from market.simulator.hub import Connection, Hub
from market.simulator.records import Damage, drop, duplicate, flip

RST, FIN = "rst", "fin"
_NO_CLOSE_FRAME = 1006
_GOING_AWAY = 1001
_SETTLED_SECONDS = 0.1
_DAMAGES: Final[dict[str, Damage]] = {
    "tls_flip": flip,
    "tls_duplicate": duplicate,
    "tls_drop": drop,
}

DamageNext = Callable[[Connection, Damage], None]


def cut(connection: Connection, kind: str | int) -> None:
    """End the connection: ``rst``, ``fin`` (no close frame), or a close code."""
    if kind == RST:
        reset(connection.raw)
    elif kind in (FIN, _NO_CLOSE_FRAME):
        finish(connection.raw)
    elif isinstance(kind, int):
        connection.end(kind, "")
    else:
        raise ValueError(f"cut {kind!r}: expected rst, fin or a close code")


class Events:
    """Strikes connections; ``damage_next`` reaches into their TLS stream."""

    def __init__(self, hub: Hub, exchange: Exchange, damage_next: DamageNext) -> None:
        self._hub = hub
        self._exchange = exchange
        self._damage_next = damage_next

    def begin(self, armed: Armed) -> None:
        fault = armed.fault
        if fault.count is None and fault.for_seconds is None and not fault.by_message:
            armed.targets = frozenset(self._hub.connections)

    def pulse(self, armed: Armed) -> None:
        """Strike the connections that are the fault's, each once."""
        if armed.fault.by_message:
            return
        for connection in list(self._hub.connections.values()):
            if armed.ended:
                return
            if (
                self._is_settled(armed, connection)
                and connection.number not in armed.met
                and strikes_connection(armed.fault, connection)
                and armed.takes_connection(connection.number)
            ):
                self.strike(armed, connection)
        if armed.targets is not None:
            armed.ended = True

    def _is_settled(self, armed: Armed, connection: Connection) -> bool:
        """Whether a later connection is old enough to have answered its handshake."""
        age = time.monotonic() - connection.opened_at
        return armed.targets is not None or age >= _SETTLED_SECONDS

    def end(self, armed: Armed) -> None:
        """What happened cannot be taken back."""

    def message(self, armed: Armed, connection: Connection, frame: bytes) -> bool:
        """A message of the fault's streams is due: True when it struck in its place."""
        fault = armed.fault
        if armed.met.get(connection.number) or not armed.takes():
            return False
        armed.met[connection.number] = True
        if fault.count is None and fault.for_seconds is None:
            armed.ended = True
        if fault.kind == "half_frame":
            connection.break_off(frame)
        else:
            self.strike(armed, connection)
        return not fault.kind.startswith("tls_")

    def strike(self, armed: Armed, connection: Connection) -> None:
        fault = armed.fault
        if fault.kind in _DAMAGES:
            self._damage_next(connection, _DAMAGES[fault.kind])
        elif fault.kind == "server_shutdown":
            self._announce(connection, fault.shape or "auto", fault.seconds or 0.0)
        elif fault.kind == "forget_stream":
            names = [name for name in connection.names if strikes_stream(fault, name)]
            self._hub.unsubscribe(connection, names)
        elif fault.kind == "close" and fault.code not in (None, _NO_CLOSE_FRAME):
            connection.end(fault.code, fault.text or "")
        else:
            cut(connection, RST if fault.kind == "rst" else FIN)

    def _announce(self, connection: Connection, shape: str, seconds: float) -> None:
        if shape == "auto":
            shape = "combined" if connection.combined else "raw"
        notice = {"e": "serverShutdown", "E": self._exchange.moment.time_ms}
        message: object = notice
        if shape == "combined":
            message = {"stream": "!serverShutdown", "data": notice}
        elif shape == "event":
            message = {"event": notice}
        text = json.dumps(message, separators=(",", ":"))
        connection.send_now(text_frame(text.encode()))
        if seconds:
            asyncio.get_running_loop().call_later(
                seconds, connection.end, _GOING_AWAY, "server shutdown"
            )
