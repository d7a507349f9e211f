"""REST of the market app, mounted at /api/v1/market."""

import time
from datetime import date
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Status
from ninja.errors import HttpError

from core import push
from core.errors import InvalidInput
from market import live, selectors, services
from market.domain.candles import INTERVAL_MS
from market.history_api import router as history_router
from market.indicators_api import router as indicators_router
from market.models import FeedCommand
from market.outcomes_api import router as outcomes_router
from market.signals_api import router as signals_router

router = Router()
router.add_router("", history_router)
router.add_router("", outcomes_router)
router.add_router("", signals_router)
router.add_router("", indicators_router)

ACKNOWLEDGE_SECONDS = 5.0
POLL_SECONDS = 0.1
Answer = Status[dict[str, Any]]
LIVE_ITEM = {200: dict[str, Any], 202: dict[str, Any]}


def _venue() -> str:
    return settings.QUANTAI.site.exchange


@router.get("/connections")
def connections(request: HttpRequest) -> dict[str, Any]:
    """Every connection with its state, numbers, last failures and reconnects."""
    return live.connections(_venue())


@router.post("/connections/{connection_id}/reconnect")
def reconnect(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """Replace one connection now; waits up to 5 s for the feed's answer."""
    known = {row["id"] for row in live.connections(_venue())["connections"]}
    if connection_id not in known:
        raise HttpError(404, f"There is no connection {connection_id!r}.")
    return _acknowledged(
        services.feed_reconnect(
            venue=_venue(), connection=connection_id, actor=_actor(request)
        )
    )


@router.post("/feed/{action}")
def feed(request: HttpRequest, action: Literal["start", "stop"]) -> dict[str, Any]:
    """Start or stop the feed; waits up to 5 s for its answer."""
    desired = "running" if action == "start" else "stopped"
    return _acknowledged(
        services.feed_desire(venue=_venue(), desired=desired, actor=_actor(request))
    )


@router.get("/symbols")
def symbols(request: HttpRequest) -> dict[str, Any]:
    """The followed contracts with their newest prices, most traded first."""
    return live.symbols(_venue())


@router.get("/klines")
def klines(
    request: HttpRequest,
    symbol: str,
    interval: str = "15m",
    limit: Annotated[int, Query(ge=1, le=1500)] = 500,
) -> dict[str, Any]:
    """Bars, oldest first; the unfinished one last with ``closed`` false."""
    if interval not in INTERVAL_MS:
        raise InvalidInput("interval", interval, f"one of {', '.join(INTERVAL_MS)}")
    return live.klines(_venue(), symbol.upper(), interval, limit)


@router.get("/depth", response=LIVE_ITEM)
def depth(request: HttpRequest, symbol: str) -> Answer:
    """The newest 20 levels; asking makes the feed follow them, 202 until they come."""
    return _live_item(symbol, "book")


@router.get("/trades", response=LIVE_ITEM)
def trades(request: HttpRequest, symbol: str) -> Answer:
    """The newest trades; asking makes the feed follow them, 202 until they come."""
    return _live_item(symbol, "trades")


@router.get("/events")
def events(
    request: HttpRequest,
    after: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """What happened to the connections, oldest first, after an id or the newest."""
    # Before the rows: an event between the two is told again instead of never.
    position = push.position("events")
    rows = selectors.connection_events(venue=_venue(), after=after, limit=limit)
    return {"events": rows, **position}


@router.get("/gaps")
def gaps(
    request: HttpRequest,
    state: Literal["", "open", "filled", "unfillable"] = "",
    symbol: str = "",
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    day: str = "",
) -> dict[str, Any]:
    """The gap ledger, newest first, with totals; ``day`` (UTC) asks for coverage.

    Coverage counts the stored bars of that day (YYYY-MM-DD, or ``today`` of the
    exchange) per series against those that can exist by now.
    """
    today = live.today(_venue())
    wanted = _day(day, today) if day else None
    rows = selectors.gaps(
        venue=_venue(), state=state, symbol=symbol.upper(), after=after, limit=limit
    )
    return {
        "venue": _venue(),
        "today": today.isoformat(),
        "totals": selectors.gap_totals(venue=_venue()),
        "gaps": rows,
        "next_after": rows[-1]["id"] if len(rows) == limit else None,
        "coverage": wanted and live.coverage(_venue(), wanted, _intervals()),
    }


def _intervals() -> tuple[str, ...]:
    return settings.QUANTAI.market.intervals


def _day(text: str, today: date) -> date:
    if text == "today":
        return today
    try:
        wanted = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("day", text, "must be YYYY-MM-DD or today") from None
    if wanted > today:
        raise InvalidInput("day", text, f"must not be later than {today}")
    return wanted


def _live_item(symbol: str, name: str) -> Answer:
    item = live.symbol_item(
        _venue(),
        symbol.upper(),
        name,
        seconds=settings.QUANTAI.market.interest_seconds,
    )
    if item is None:
        problem = f"{symbol.upper()} is not followed, or no price of it came yet"
        raise HttpError(404, f"no_data: {problem}")
    return Status(200 if "k" in item else 202, item)


def _actor(request: HttpRequest) -> str:
    return request.user.get_username()


def _acknowledged(command: FeedCommand) -> dict[str, Any]:
    """Wait for the feed that owns the command."""
    deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
    while command.acknowledged_at is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        command = selectors.feed_command(command_id=command.id)
    return {
        "command": command.id,
        "acknowledged": command.acknowledged_at is not None,
        "result": command.result or "no answer from the feed yet; it stays ordered",
    }
