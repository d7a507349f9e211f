"""REST of accounts: what they hold, what they did, and orders to them.

Mounted at the root, so that the list itself is ``/accounts``.
"""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from accounts import orders_api, overview_selectors, reports_api, trading_api
from accounts.api_parts import router as parts_router
from accounts.api_parts import venue

__all__ = ["orders_api", "reports_api", "router", "trading_api"]

PREFIX = "/accounts"
router = Router()


@router.get(PREFIX)
def accounts(request: HttpRequest) -> dict[str, Any]:
    """Accounts with what they are worth, their groups, and the sums."""
    return overview_selectors.overview(venue=venue())


router.add_router(PREFIX, parts_router)
