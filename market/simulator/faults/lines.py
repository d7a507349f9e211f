"""Faults that last on connections: black holes, delays, missing pings, short lives."""

import asyncio
import random
import time

from market.simulator.faults.armed import Armed
from market.simulator.faults.path import Trouble, TroubledPath
from market.simulator.faults.selection import strikes_connection
from market.simulator.hub import Connection, Hub

_GOING_AWAY = 1001


class Lines:
    """Puts trouble on the connections that a fault strikes, new ones included."""

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        self._hub = hub
        self._rng = rng

    def begin(self, armed: Armed) -> None:
        """The first pulse follows at once."""

    def pulse(self, armed: Armed) -> None:
        for connection in list(self._hub.connections.values()):
            known = armed.met.get(connection.number)
            if known is None and strikes_connection(armed.fault, connection):
                if armed.takes_connection(connection.number):
                    self._put_on(armed, connection)
            elif known and armed.fault.kind == "life":
                self._end_of_life(armed, connection)

    def end(self, armed: Armed) -> None:
        for number, taken in armed.met.items():
            connection = self._hub.connections.get(number)
            if taken and connection is not None:
                self._take_off(armed, connection)

    def _put_on(self, armed: Armed, connection: Connection) -> None:
        fault = armed.fault
        if fault.kind == "no_pong":
            connection.answers_pings = False
        elif fault.kind == "no_ping":
            connection.sends_pings = False
        elif fault.kind == "life":
            self._end_of_life(armed, connection)
        else:
            if fault.direction in ("up", "both"):
                connection.transport.pause_reading()
            if fault.direction != "up":
                self._trouble(armed, connection)

    def _trouble(self, armed: Armed, connection: Connection) -> None:
        fault = armed.fault
        seconds = fault.seconds or 0.0
        held = asyncio.get_running_loop().time() + seconds
        trouble = {
            "black_hole": Trouble(lose=True),
            "backlog": Trouble(hold_until=held),
            "delay": Trouble(delay=seconds, jitter=fault.jitter_seconds or 0.0),
            "throttle": Trouble(bytes_per_second=fault.bytes_per_second or 0),
        }[fault.kind]
        path = connection.path
        if not isinstance(path, TroubledPath):
            path = connection.path = TroubledPath(connection.transport, self._rng)
        path.troubles[armed.id] = trouble

    def _take_off(self, armed: Armed, connection: Connection) -> None:
        fault = armed.fault
        if fault.kind == "no_pong":
            connection.answers_pings = True
        elif fault.kind == "no_ping":
            connection.sends_pings = True
        if fault.direction in ("up", "both"):
            connection.transport.resume_reading()
        path = connection.path
        if isinstance(path, TroubledPath) and path.remove(armed.id):
            connection.path = None

    def _end_of_life(self, armed: Armed, connection: Connection) -> None:
        age = time.monotonic() - connection.opened_at
        if age >= (armed.fault.seconds or 0.0):
            connection.end(_GOING_AWAY, "going away")
