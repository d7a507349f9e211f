"""What the routes of accounts share."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router
from ninja.errors import HttpError

from accounts.messages import Told
from accounts.models import ExchangeAccount
from accounts.overview_selectors import accounts
from accounts.pnl_selectors import Period
from core.clock import ms_of
from core.errors import InvalidInput
from core.export import Format, Kind, Table, export_response

# One for all modules: reads and writes share their paths.
router = Router()

MOST = 500
USUAL = 100


def venue() -> str:
    """Return the venue of this installation."""
    return settings.QUANTAI.site.exchange


def actor(request: HttpRequest) -> str:
    """Return the name of who asks."""
    return request.user.get_username()


def times(
    since: datetime | None, until: datetime | None
) -> tuple[int | None, int | None]:
    """Return a range in ms; a moment without a zone is UTC."""
    return ms_of(since), ms_of(until)


def period(since: datetime | None, until: datetime | None) -> Period:
    """Return a range with both ends: from the beginning, until now."""
    now = int(datetime.now(UTC).timestamp() * 1000) + 1
    return Period(ms_of(since) or 0, ms_of(until) or now)


def chosen(account: str, group: str) -> list[ExchangeAccount]:
    """Return the accounts that are meant; raises ``InvalidInput`` for unknown names."""
    rows = list(accounts(venue=venue(), account=account, group=group))
    if account and not rows:
        raise InvalidInput("account", account, "there is no such account (there)")
    if group and not rows:
        raise InvalidInput("group", group, "no account is in such a group")
    return rows


def page(name: str, rows: Iterable[Told], limit: int | None) -> Told:
    """Return rows with the ``after`` of the next page, null on the last one."""
    found = list(rows)
    full = len(found) == limit
    return {name: found, "next_after": found[-1]["id"] if full else None}


def file(
    request: HttpRequest,
    name: str,
    columns: Mapping[str, Kind],
    rows: Iterable[Mapping[str, Any]],
    kind: Format,
    **facts: Any,
) -> StreamingHttpResponse:
    """Return rows as a download."""
    table = Table(name, venue(), columns, rows, facts)
    return export_response(request, table, kind)


def found(row: Told | None, what: str) -> Told:
    """Return the row; a 404 that names it when there is none."""
    if row is None:
        raise HttpError(404, f"There is no {what}.")
    return row
