"""What the routes of training share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError

from core.clock import ms_of
from core.errors import InvalidInput
from training import selectors


def venue() -> str:
    """Return the venue of this installation."""
    return settings.QUANTAI.site.exchange


def actor(request: HttpRequest) -> str:
    """Return the name of who asks."""
    return request.user.get_username()


def json_answer(body: bytes | str) -> HttpResponse:
    """Answer with JSON that is encoded already: large, or with numbers to be nulled."""
    return HttpResponse(body, content_type="application/json")


def times(
    since: datetime | None, until: datetime | None
) -> tuple[int | None, int | None]:
    """Return a range in ms (UTC unless it says otherwise); raises ``InvalidInput``."""
    first, last = ms_of(since), ms_of(until)
    if first is not None and last is not None and last <= first:
        raise InvalidInput("until", str(until), "must be later than since")
    return first, last


def known_study(study_id: int | None) -> None:
    """Answer 404 when a study is asked for that this venue does not have."""
    if study_id is None:
        return
    if selectors.study_row(study_id=study_id, venue=venue()) is None:
        raise HttpError(404, f"There is no study {study_id}.")


def page(
    name: str, rows: Sequence[Mapping[str, Any]], limit: int, cursor: str
) -> dict[str, Any]:
    """Return rows with the ``after`` of the next page, null on the last one."""
    full = len(rows) == limit
    return {name: rows, "next_after": rows[-1][cursor] if full else None}
