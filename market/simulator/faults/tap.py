"""Where messages pass while faults are armed that concern them; else it is not there."""

import json
from collections.abc import Iterable

from market.simulator.faults.armed import Armed
from market.simulator.faults.distortions import ABOUT, DISTORTIONS, State
from market.simulator.faults.events import Events
from market.simulator.faults.kinds import Group
from market.simulator.faults.selection import (
    strikes_socket,
    strikes_stream,
)
from market.simulator.hub import Connection, Hub, Topic
from market.simulator.streams import Route

_OTHER = {Route.PUBLIC: Route.MARKET, Route.MARKET: Route.PUBLIC}


class Tap:
    """Hands each message to the faults of its stream, listener by listener.

    It hangs itself into the hub while it has something to do.
    """

    def __init__(self, hub: Hub, events: Events) -> None:
        self._hub = hub
        self._events = events
        self._armed: list[Armed] = []
        self._states: dict[tuple[int, int, str], State] = {}
        self._gone: set[str] = set()

    def begin(self, armed: Armed) -> None:
        self._armed.append(armed)
        self._hang()

    def pulse(self, armed: Armed) -> None:
        """Messages bring the chances."""

    def end(self, armed: Armed) -> None:
        if armed in self._armed:
            self._armed.remove(armed)
        self._states = {
            key: state for key, state in self._states.items() if key[0] != armed.id
        }
        self._hang()

    def lose_symbol(self, symbol: str) -> None:
        """Nothing more of this symbol, in arrays neither."""
        self._gone.add(symbol)
        self._hang()

    def find_symbol(self, symbol: str) -> None:
        self._gone.discard(symbol)
        self._hang()

    def attaches(self, connection: Connection, stream: str) -> bool:
        """Whether a subscription will carry data."""
        return not self._strikes("ack_without_data", connection, stream)

    def route(self, connection: Connection, topic: Topic) -> Route:
        """The class that serves a subscription."""
        if self._strikes("move_stream", connection, topic.name.text):
            return _OTHER[topic.name.route]
        return topic.name.route

    def _strikes(self, kind: str, connection: Connection, stream: str) -> bool:
        """Whether a subscription meets a fault of that kind."""
        return any(
            armed.fault.kind == kind
            and strikes_socket(armed.fault, connection)
            and strikes_stream(armed.fault, stream)
            and armed.takes()
            for armed in self._armed
        )

    def publish(self, topic: Topic, payload: str) -> int:
        if topic.name.symbol in self._gone:
            return 0
        if self._gone and payload.startswith("["):
            payload = self._without_gone(payload)
        stream = topic.name.text
        striking = [
            armed
            for armed in self._armed
            if armed.fault.spec.group is not Group.SUBSCRIPTION
            and payload.startswith(ABOUT.get(armed.fault.kind, ""))
            and strikes_stream(armed.fault, stream)
        ]
        if not striking:
            return topic.publish(payload)
        return sum(
            self._send(topic, connection, payload, striking)
            for connection in topic.listeners()
        )

    def _send(
        self,
        topic: Topic,
        connection: Connection,
        payload: str,
        striking: Iterable[Armed],
    ) -> int:
        texts = [payload]
        for armed in striking:
            if not strikes_socket(armed.fault, connection):
                continue
            if armed.fault.spec.group is Group.EVENT:
                frame = topic.frame(payload, combined=connection.combined)
                if self._events.message(armed, connection, frame):
                    return 0
            else:
                texts = self._distorted(armed, topic, connection, texts)
        for text in texts:
            connection.queue(topic.frame(text, combined=connection.combined))
        return len(texts)

    def _distorted(
        self, armed: Armed, topic: Topic, connection: Connection, texts: list[str]
    ) -> list[str]:
        distort = DISTORTIONS[armed.fault.kind]
        key = (armed.id, connection.number, topic.name.text)
        state = self._states.setdefault(key, {})
        result: list[str] = []
        for text in texts:
            result += distort(armed.fault, text, state) if armed.takes() else [text]
        return result

    def _without_gone(self, payload: str) -> str:
        kept = [entry for entry in json.loads(payload) if entry["s"] not in self._gone]
        return json.dumps(kept, separators=(",", ":"))

    def _hang(self) -> None:
        self._hub.tap = self if self._armed or self._gone else None
