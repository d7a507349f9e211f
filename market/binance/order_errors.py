"""What to do about an answer to a private request. Pure; keyed by code and status.

The tables are those of USD-M futures: spot uses some of the numbers for other things.
Source: Binance USD-M futures error codes and general information (HTTP return codes).
"""

import re
from enum import StrEnum


class Action(StrEnum):
    """What the caller does next."""

    DONE = "done"  # it is as it was wanted to be
    BACK_OFF = "back_off"  # nothing was executed; wait, cancels first
    RETRY = "retry"  # nothing was executed; try again soon, a few times
    QUERY = "query"  # it may have been executed: ask by client id, never send again
    RESYNC = "resync"  # the clock is off: measure it, sign again, once
    CREDENTIALS = "credentials"  # stop trading with this key
    BUG = "bug"  # the request is wrong; never retry
    FILTER = "filter"  # the order breaks a rule of the symbol
    REFRESH = "refresh"  # our picture of orders or positions is old
    EXISTS = "exists"  # an earlier attempt arrived: query it
    MODE = "mode"  # position or margin mode of the account differs
    NEW_STREAM = "new_stream"  # a new listen key, a new socket, reconcile
    STOP = "stop"  # this location is not served


_BY_ACTION: dict[Action, tuple[int, ...]] = {
    Action.DONE: (0, 200, -4046, -4059),
    Action.BACK_OFF: (-1003, -1015, -1008, -1034),
    Action.QUERY: (-1000, -1001, -1006, -1007),
    Action.RESYNC: (-1021, -5028, -4188),
    Action.CREDENTIALS: (-1022, -2014, -2015, -1002, -1109),
    Action.BUG: (
        *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1111, -1115, -1116),
        *(-1117, -1120, -1121, -1130, -1131),
    ),
    Action.FILTER: (
        *(-1013, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4015, -4016),
        *(-4023, -4024, -4131, -4164),
    ),
    Action.REFRESH: (
        *(-2010, -2011, -2013, -2018, -2019, -2020, -2021, -2022, -2025, -2027),
        *(-2028, -4400, -5021, -5022, -5027),
    ),
    Action.EXISTS: (-4116,),
    Action.MODE: (-4061, -4067, -4068, -4531, -4120),
    Action.NEW_STREAM: (-1125,),
}
ACTIONS: dict[int, Action] = {
    code: action for action, codes in _BY_ACTION.items() for code in codes
}
_BY_STATUS = {
    403: Action.BACK_OFF,
    408: Action.QUERY,
    418: Action.BACK_OFF,
    429: Action.BACK_OFF,
    451: Action.STOP,
}
_NOT_EXECUTED = re.compile(r"^\s*service unavailable\.?\s*$", re.IGNORECASE)
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


def action_for(status: int, code: int | None, message: str) -> Action:
    """Return what to do about an HTTP ``status`` with a ``code`` and ``message``.

    ``status`` 0: no answer came after the request was sent. A 503 has three meanings:
    "Service Unavailable." was not executed, -1008 was throttled, anything else is
    unknown; every other 5xx is unknown too. An unknown 4xx is a mistake of ours.
    """
    if status in (403, 418, 429, 451):
        return _BY_STATUS[status]
    # Told apart by its words alone: its code is that of the unknown outcome.
    if status == 503 and _NOT_EXECUTED.match(message):
        return Action.RETRY
    if code is not None and code in ACTIONS:
        return ACTIONS[code]
    if status == 0 or status >= 500:
        return Action.QUERY
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Action.DONE if status == 200 and code is None else Action.BUG


def banned_until_ms(message: str) -> int | None:
    """Return the end of a ban (ms since the epoch) when the message tells it."""
    found = _BANNED_UNTIL.search(message)
    return int(found.group(1)) if found else None
