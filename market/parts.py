"""What several feeds tell of themselves, put together as one; pure.

Numbers add up, unless a name says otherwise; what is no number is the leader's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Values = dict[str, Any]

HIGHEST = frozenset({"lag_ms", "loop_lag_ms", "most_waiting", "data_at", "exchange_time", "uptime_seconds", "max_delay"})  # fmt: skip
LEADERS = frozenset({"at", "since", "started_at", "pid"})
HISTORY_KEPT = 10


def together(parts: Sequence[Mapping[str, Any]]) -> Values:
    """Put reports together; the first one is the leader's."""
    return {
        name: _joined(name, [p[name] for p in parts if name in p]) for name in parts[0]
    }


def _joined(name: str, values: list[Any]) -> Any:
    first = values[0]
    if name in LEADERS:
        return first
    if isinstance(first, dict):
        return {**_union(values), **together(values)}
    numbers = [value for value in values if _is_number(value)]
    if not numbers or isinstance(first, (str, list)):
        return first
    if name in HIGHEST:
        return max(numbers)
    return round(sum(numbers), 3)


def _union(values: list[Values]) -> Values:
    """Return what any of them has: failed series have names of their own."""
    return {name: value for each in reversed(values) for name, value in each.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def reconnects_together(parts: Sequence[Values]) -> Values:
    """Put reconnect statistics together; rates are weighed by what they count."""
    parts = [part for part in parts if part]
    if not parts:
        return {}
    joined = together(parts)
    settled, succeeded = joined["settled_reconnects"], joined["successful_reconnects"]
    joined["success_rate"] = succeeded / settled if settled else None
    failures = [sum(part["error_distribution"].values()) for part in parts]
    delays = [part["average_delay"] for part in parts]
    waited = sum(n * delay for n, delay in zip(failures, delays, strict=True))
    joined["average_delay"] = waited / sum(failures) if any(failures) else 0.0
    history = [record for part in parts for record in part["history"]]
    history.sort(key=lambda record: record["at"])
    joined["history"] = history[-HISTORY_KEPT:]
    return joined
