"""REST of scans and signals."""

import time
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import ConfigDict, Field

from core import push
from core.clock import ms_of
from core.errors import InvalidInput
from core.export import Format, Table, export_response
from market import signal_selectors, signal_services
from market.domain.candles import INTERVAL_MS
from market.models import Scan

router = Router()

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.1
ENDED = frozenset({"done", "failed", "cancelled"})
COLUMNS: dict[str, Any] = {
    "id": "integer",
    "scan": "integer",
    "symbol": "text",
    "interval": "text",
    "bar_open": "integer",
    "at": "integer",
    "price": "number",
    "score": "number",
    "direction": "text",
    "confidence": "number",
    "win_probability": "number",
    "prime": "boolean",
    "net_return_1": "number",
    "net_return_4": "number",
    "net_return_24": "number",
}


class ScanWish(Schema):
    """What to scan; ``symbols`` empty means all, ``limit`` the first so many."""

    # A misspelt ``symbols`` would scan everything.
    model_config = ConfigDict(extra="forbid")

    interval: str = ""
    symbols: list[str] = []
    limit: Annotated[int | None, Field(ge=1)] = None
    min_score: Annotated[float, Field(ge=0, le=100)] = 70.0
    wait: Annotated[float, Field(ge=0, le=60)] = WAIT_SECONDS


def _venue() -> str:
    return settings.QUANTAI.site.exchange


@router.post("/scan")
def scan(request: HttpRequest, wish: ScanWish) -> dict[str, Any]:
    """Ask for a scan and wait for it up to ``wait`` seconds."""
    row = signal_services.scan_request(
        venue=_venue(),
        trigger="person",
        actor=request.user.get_username(),
        interval=wish.interval,
        symbols=wish.symbols,
        limit=wish.limit,
        min_score=wish.min_score,
    )
    if row.state == "failed":
        raise HttpError(503, f"no_scanner: {row.note}")
    deadline = time.monotonic() + wish.wait
    while row.state not in ENDED and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        row.refresh_from_db()
    return signal_selectors.scan_answer(row)


@router.get("/scans/{scan_id}")
def scan_state(request: HttpRequest, scan_id: int) -> dict[str, Any]:
    """State and progress of a scan; with its signals when it is done."""
    return signal_selectors.scan_answer(_scan(scan_id))


@router.post("/scans/{scan_id}/cancel")
def scan_cancel(request: HttpRequest, scan_id: int) -> dict[str, Any]:
    """Stop a scan that waits or runs."""
    row = _scan(scan_id)
    asked = signal_services.scan_cancel(scan_id=row.id, venue=_venue())
    return {"scan": row.id, "cancelled": asked, "state": row.state}


def _scan(scan_id: int) -> Scan:
    row = signal_selectors.scan(scan_id=scan_id, venue=_venue())
    if row is None:
        raise HttpError(404, f"There is no scan {scan_id}.")
    return row


@router.get("/signals")
def signals(
    request: HttpRequest,
    symbol: str = "",
    interval: str = "",
    direction: Literal["", "long", "short"] = "",
    min_score: Annotated[float, Query(ge=0, le=100)] = 0.0,
    prime: bool | None = None,  # noqa: FBT001 - a query parameter
    since: datetime | None = None,
    until: datetime | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    file_format: Annotated[Format | None, Query(alias="format")] = None,
) -> Any:
    """Signals, newest first; ``after`` is the id of the last one seen.

    Without ``format`` an answer of at most 500 with a cursor, with one a file.
    """
    # Before the rows: a signal between the two is told again instead of never.
    position = push.position(signal_services.SIGNALS)
    if interval and interval not in INTERVAL_MS:
        raise InvalidInput("interval", interval, f"one of {', '.join(INTERVAL_MS)}")
    since_ms, until_ms = ms_of(since), ms_of(until)
    if since_ms is not None and until_ms is not None and until_ms <= since_ms:
        raise InvalidInput("until", str(until), "must be later than since")
    most = limit if file_format is not None else min(limit or 100, 500)
    rows = signal_selectors.signals(
        venue=_venue(),
        symbol=symbol.upper(),
        interval=interval,
        direction=direction,
        min_score=min_score,
        prime=prime,
        since=since_ms,
        until=until_ms,
        after=after,
        limit=most,
    )
    if file_format is not None:
        return _file(request, rows, file_format)
    found = list(rows)
    return {
        "venue": _venue(),
        "signals": found,
        "next_after": found[-1]["id"] if len(found) == most else None,
        **position,
    }


def _file(
    request: HttpRequest, rows: Any, file_format: Format
) -> StreamingHttpResponse:
    def flat() -> Any:
        for row in rows:
            outcomes = row.pop("outcomes")
            returns = {f"net_return_{n}": outcomes.get(str(n)) for n in (1, 4, 24)}
            yield {**row, **returns}

    table = Table("signals", _venue(), COLUMNS, flat())
    return export_response(request, table, file_format)


@router.get("/signals/{signal_id}")
def one_signal(request: HttpRequest, signal_id: int) -> dict[str, Any]:
    """One signal with its factors, inputs and outcomes."""
    found = signal_selectors.signal(signal_id=signal_id, venue=_venue())
    if found is None:
        raise HttpError(404, f"There is no signal {signal_id}.")
    return found
