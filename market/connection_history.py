"""Reads of what happened to connections: losses with ages, ranges, incidents."""

from collections.abc import Iterable, Iterator
from typing import Any

from market.models import ConnectionEvent
from market.patterns import Loss
from market.selectors import EVENT_FIELDS

DAY_MS = 86_400_000
CHUNK = 2_000
# What ends a life without being a loss.
ASKED = frozenset({"reconnect_requested", "stopped"})
LIFE = ("connected", "disconnected", "rotated", *sorted(ASKED))
# What the picture of incidents shows.
INCIDENTS = (
    *LIFE,
    "failed",
    "fatal",
    "flapping",
    "silent",
    "filled",
)
Span = tuple[int, int]
Life = tuple[str, int, str]


def losses(
    *, venue: str, since_ms: int, until_ms: int
) -> tuple[list[Loss], list[Span]]:
    """Return losses of live connections and the times in which one was live.

    A connection that was never live, or was closed on request, is no loss. One whose
    end nobody told (a killed feed) is taken as live until the last event before the
    connection opened again.
    """
    rows = ConnectionEvent.objects.filter(
        venue=venue, at__gte=since_ms, at__lt=until_ms, kind__in=LIFE
    ).order_by("at", "id")
    return _lives(rows.values_list("connection", "at", "kind"), until_ms)


def _lives(rows: Iterable[Life], until_ms: int) -> tuple[list[Loss], list[Span]]:
    born: dict[str, int] = {}
    found: list[Loss] = []
    spans: list[Span] = []
    before = 0
    for connection, at, kind in rows:
        since = born.pop(connection, None)
        if kind in ("connected", "rotated"):
            if since is not None:
                spans.append((since, before if kind == "connected" else at))
            born[connection] = at
        elif since is not None:
            spans.append((since, at + 1))
            if kind == "disconnected":
                found.append(Loss(at, connection, (at - since) / 1000))
        before = at
    spans += [(since, until_ms) for since in born.values()]
    return found, _joined(spans)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the union of the spans, in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def events_between(
    *,
    venue: str,
    since_ms: int | None = None,
    until_ms: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield events oldest first; ``after`` is the id of the last one seen.

    Read in chunks by id, so that no read lasts long however many there are.
    """
    rows = ConnectionEvent.objects.filter(venue=venue)
    if since_ms is not None:
        rows = rows.filter(at__gte=since_ms)
    if until_ms is not None:
        rows = rows.filter(at__lt=until_ms)
    left = limit
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        chunk = list(
            rows.filter(id__gt=after).order_by("id").values(*EVENT_FIELDS)[:size]
        )
        yield from chunk
        if len(chunk) < size:
            return
        after = chunk[-1]["id"]
        left = None if left is None else left - size


def incidents(*, venue: str, since_ms: int, limit: int) -> list[list[Any]]:
    """Return [id, at, connection, kind, reason] of the newest incidents, oldest first.

    The first event of each connection before ``since_ms`` is not among them: what was
    so at the beginning follows from what comes next.
    """
    rows = (
        ConnectionEvent.objects.filter(
            venue=venue, at__gte=since_ms, kind__in=INCIDENTS
        )
        .order_by("-id")
        .values_list("id", "at", "connection", "kind", "reason")[:limit]
    )
    return [list(row) for row in reversed(rows)]
