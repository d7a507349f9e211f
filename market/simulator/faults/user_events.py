"""Faults of user data streams: events twice, never, late, or in another order."""

import asyncio
from collections.abc import Callable
from typing import Any

from market.simulator.accounts.listening import UserStreams
from market.simulator.accounts.records import Account
from market.simulator.faults.armed import Armed
from market.simulator.faults.kinds import Group

Event = dict[str, Any]
SHUFFLE_SECONDS = 1.0


class UserEvents:
    """``active`` gives the armed faults; says whether an event was taken over."""

    def __init__(self, active: Callable[[], list[Armed]], streams: UserStreams) -> None:
        self._active = active
        self._streams = streams
        self._held: dict[str, Event] = {}

    def user_event(self, account: Account, event: Event) -> bool:
        """Send the event in a wrong way; False: nothing is wrong with it."""
        held = self._held.pop(account.key, None)
        armed = self._struck(event)
        if armed is None:
            if held is not None:
                self._streams.publish(account, event)
                self._streams.publish(account, held)
            return held is not None
        if held is not None:
            self._streams.publish(account, held)
        self._meddle(account, event, armed)
        return True

    def _struck(self, event: Event) -> Armed | None:
        symbol = _symbol(event)
        for armed in self._active():
            fault = armed.fault
            if fault.spec.group is not Group.USER_EVENT:
                continue
            if fault.symbol in (None, symbol) and armed.takes():
                return armed
        return None

    def _meddle(self, account: Account, event: Event, armed: Armed) -> None:
        shape, seconds = armed.fault.shape, armed.fault.seconds or 0.0
        later = asyncio.get_running_loop().call_later
        if shape == "duplicate":
            self._streams.publish(account, event)
            self._streams.publish(account, event)
        elif shape == "late":
            later(seconds, self._streams.publish, account, event)
        elif shape == "shuffle":
            self._held[account.key] = event
            later(SHUFFLE_SECONDS, self._release, account, event)

    def _release(self, account: Account, event: Event) -> None:
        """Nothing followed in time."""
        if self._held.get(account.key) is event:
            del self._held[account.key]
            self._streams.publish(account, event)


def _symbol(event: Event) -> str:
    order = event.get("o")
    if isinstance(order, dict):
        return str(order.get("s", ""))
    positions = (
        event.get("a", {}).get("P") if isinstance(event.get("a"), dict) else None
    )
    return str(positions[0]["s"]) if positions else str(event.get("s", ""))
