"""Places where a crash is worth trying; a name costs one comparison while none is armed.

Tests and ``manage crash_test`` arm one in a process of their own: it ends there and then,
without flushing, closing or telling anybody.
"""

import os

POINTS = (
    "before_journal",
    "after_journal",
    "before_send",
    "in_flight",
    "after_send",
    "after_ack",
    "before_flush",
    "before_commit",
    "after_commit",
)
IN_FLIGHT_SECONDS = 0.01
EXIT_CODE = 70
_armed: dict[str, int] = {}


def arm(name: str, times: int = 1) -> None:
    """End this process when it reaches ``name`` for the ``times``-th time."""
    if name not in POINTS:
        raise ValueError(f"{name!r} is none of {', '.join(POINTS)}")
    _armed[name] = times


def armed(name: str) -> bool:
    """Whether the process is to end at ``name``."""
    return name in _armed


def reach(name: str) -> None:
    """Say that the process is here."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os._exit(EXIT_CODE)
