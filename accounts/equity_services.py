"""Keeping what accounts are worth."""

import logging

from accounts import equity_selectors
from accounts.models import EquitySnapshot, ExchangeAccount
from accounts.price_selectors import market

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
DELETED_AT_ONCE = 500


def equity_snapshot(*, venue: str, at_ms: int, interval_ms: int) -> int:
    """Keep what each account is worth; return how many could be told.

    The moment is the begin of the interval, so that a task that runs twice writes once.
    An account whose worth nobody knows (no balance yet, a position without a fresh
    price) is left out: no value is better than a false one.
    """
    moment = at_ms - at_ms % interval_ms
    accounts = list(ExchangeAccount.objects.filter(venue=venue))
    if not accounts:
        return 0
    known = equity_selectors.worths(accounts, market(venue))
    rows = [
        EquitySnapshot(
            account=one.account,
            at=moment,
            wallet=one.wallet,
            open_profit=one.open_profit,
            equity=one.equity,
            asset=equity_selectors.ASSET,
        )
        for one in known
        if one.equity is not None
    ]
    EquitySnapshot.objects.bulk_create(rows, ignore_conflicts=True)
    if missing := [one.account.name for one in known if one.equity is None]:
        log.warning("nobody knows what these accounts are worth: %s", missing)
    return len(rows)


def equity_prune(*, venue: str, before_ms: int) -> int:
    """Thin what is older to the last value of each UTC day; return how many went."""
    gone = 0
    for account in ExchangeAccount.objects.filter(venue=venue):
        old = EquitySnapshot.objects.filter(account=account, at__lt=before_ms)
        last_of_day: dict[int, int] = {}
        doomed = []
        for number, at in old.order_by("at").values_list("id", "at").iterator():
            day = at // DAY_MS
            if day in last_of_day:
                doomed.append(last_of_day[day])
            last_of_day[day] = number
        for start in range(0, len(doomed), DELETED_AT_ONCE):
            part = doomed[start : start + DELETED_AT_ONCE]
            gone += EquitySnapshot.objects.filter(id__in=part).delete()[0]
    return gone
