"""Listen keys and the sockets that hear an account."""

import secrets
from typing import Final

import orjson

from market.simulator.accounts import events
from market.simulator.accounts.records import Account
from market.simulator.errors import ApiError
from market.simulator.frames import text_frame
from market.simulator.hub import Connection, Hub
from market.simulator.streams import Route

KEY_LIFE_MS: Final = 3_600_000
KEY_BYTES: Final = 32


class UserStreams:
    """A key lives an hour from its last extension, by the exchange's clock."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def open(self, account: Account, now_ms: int) -> str:
        """The account's key: the living one, extended, or a new one."""
        if not self.lives(account, now_ms):
            account.listen_key = secrets.token_hex(KEY_BYTES)
        account.listen_until_ms = now_ms + KEY_LIFE_MS
        return account.listen_key

    def extend(self, account: Account, now_ms: int) -> str:
        """Raises ApiError when there is no living key."""
        self._need(account, now_ms)
        return self.open(account, now_ms)

    def close(self, account: Account, now_ms: int) -> None:
        """The sockets stay open and hear nothing more. Raises ApiError."""
        self._need(account, now_ms)
        account.listen_key = ""

    def expire(self, account: Account, now_ms: int) -> None:
        """End the key and say so on its sockets."""
        key, account.listen_key = account.listen_key, ""
        if key:
            self._send(key, events.key_expired(key, now_ms))

    def lives(self, account: Account, now_ms: int) -> bool:
        return bool(account.listen_key) and now_ms < account.listen_until_ms

    def publish(self, account: Account, event: events.Event) -> None:
        if account.listen_key:
            self._send(account.listen_key, event)

    def _need(self, account: Account, now_ms: int) -> None:
        if not self.lives(account, now_ms):
            raise ApiError(-1125, "This listenKey does not exist.")

    def _send(self, key: str, event: events.Event) -> None:
        for connection in list(self._hub.connections.values()):
            if key in connection.names and hears(connection, event["e"]):
                body = {"stream": key, "data": event} if connection.combined else event
                connection.send_now(text_frame(orjson.dumps(body)))


def hears(connection: Connection, kind: str) -> bool:
    """Whether the socket is of the private class and did not leave the event out."""
    if connection.route not in (Route.PRIVATE, None):
        return False
    return connection.events is None or kind in connection.events
