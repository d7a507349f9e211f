"""What a failed request to Binance means for whoever wanted it. Pure."""

from collections.abc import Sequence
from typing import Literal

from accounts.domain.exchange import Outcome
from accounts.gateway import GatewayRefused, GatewayUnavailable
from market.binance.order_errors import Action
from market.binance.rest_errors import RestError
from market.binance.signed import action_of

Kind = Literal["done", "refused", "unknown", "not_sent"]

# A clock that is refused twice, a back-off and "Service Unavailable." were not executed.
KINDS: dict[Action, Kind] = {
    Action.DONE: "done",
    Action.BACK_OFF: "not_sent",
    Action.RETRY: "not_sent",
    Action.RESYNC: "not_sent",
    Action.QUERY: "unknown",
    Action.EXISTS: "unknown",
    Action.CREDENTIALS: "refused",
    Action.BUG: "refused",
    Action.FILTER: "refused",
    Action.REFRESH: "refused",
    Action.MODE: "refused",
    Action.NEW_STREAM: "refused",
    Action.STOP: "refused",
}
# Of several outcomes the one that leaves most to do counts.
_WORST_FIRST: tuple[Kind, ...] = ("unknown", "not_sent", "refused", "done")
_TRANSIENT = frozenset({"not_sent", "unknown"})


def outcome_of(error: RestError) -> Outcome:
    """Return the outcome of a request that may have changed something."""
    return Outcome(
        kind=KINDS[action_of(error)],
        code=error.code,
        message=error.reason or str(error),
        retry_after_seconds=error.retry_after,
    )


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return one outcome for requests that were wanted as one."""
    return min(outcomes, key=lambda one: _WORST_FIRST.index(one.kind))


def read_error(error: RestError) -> GatewayUnavailable | GatewayRefused:
    """Return what a question raises: it may be answered later, or never."""
    if KINDS[action_of(error)] in _TRANSIENT:
        return GatewayUnavailable(str(error))
    return GatewayRefused(str(error), error.code)
