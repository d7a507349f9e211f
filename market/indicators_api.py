"""REST of the indicators behind the charts."""

from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.errors import HttpError

from core import wire
from core.errors import InvalidInput
from market.domain.candles import INTERVAL_MS
from market.indicator_values import TooFewBarsError, indicator_values

router = Router()


@router.get("/indicators")
def indicators(
    request: HttpRequest,
    symbol: str,
    interval: str = "15m",
    limit: Annotated[int, Query(ge=1, le=1500)] = 500,
) -> HttpResponse:
    """Every indicator of the newest closed bars, oldest first; null while warming up.

    ``words`` names the codes of the series that hold words; ``zones`` are fair value
    gaps and order blocks with the times they stood.
    """
    if interval not in INTERVAL_MS:
        raise InvalidInput("interval", interval, f"one of {', '.join(INTERVAL_MS)}")
    try:
        values = indicator_values(
            venue=settings.QUANTAI.site.exchange,
            symbol=symbol.upper(),
            interval=interval,
            limit=limit,
        )
    except TooFewBarsError as error:
        raise HttpError(404, f"too_few_bars: {error}") from error
    # The interface's own encoder would write NaN, which browsers refuse.
    return HttpResponse(wire.encode(values), content_type="application/json")
