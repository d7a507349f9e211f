"""What an account may be: each rule names the field, the value and itself."""

from collections.abc import Iterator

from django.core.exceptions import ValidationError

from accounts.domain.modes import GUARDED, VENUES, Circumstances, decide
from accounts.domain.rules import BELOW
from accounts.models import ExchangeAccount, Fill, Order
from accounts.models.exchange_accounts import Mode
from core.errors import Conflict, InvalidInput

# Orders, fills and the journal know the account by these.
FIXED_BY_ORDERS = ("name", "mode")


def check(account: ExchangeAccount, before: ExchangeAccount | None = None) -> None:
    """Raise ``InvalidInput`` or ``Conflict`` for the first rule that is broken.

    ``before``: the account as it is stored, None for a new one.
    """
    try:
        account.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(
            field, getattr(account, field, None), "; ".join(messages)
        ) from None
    for problem in problems(account, before):
        raise problem


def problems(
    account: ExchangeAccount, before: ExchangeAccount | None
) -> Iterator[InvalidInput]:
    """Yield every broken rule beyond those that the fields state themselves."""
    for field in ("weight", "starting_balance"):
        value = getattr(account, field)
        if not 0 < value < BELOW:
            rule = f"must be above 0 and below {BELOW}"
            yield InvalidInput(field, str(value), rule)
    if account.venue not in VENUES:
        yield InvalidInput(
            "venue", account.venue, f"must be one of {', '.join(VENUES)}"
        )
    taken = ExchangeAccount.objects.filter(venue=account.venue, name=account.name)
    if taken.exclude(pk=account.pk).exists():
        yield Conflict("name", account.name, f"{account.venue} has such an account")
    if before is not None:
        yield from _fixed(account, before)
    elif (problem := _not_guarded(account)) is not None:
        yield problem


def _fixed(account: ExchangeAccount, before: ExchangeAccount) -> Iterator[InvalidInput]:
    if account.venue != before.venue:
        yield Conflict("venue", account.venue, f"the account is on {before.venue}")
    changed = [
        field
        for field in FIXED_BY_ORDERS
        if getattr(account, field) != getattr(before, field)
    ]
    if changed and _has_orders(account):
        for field in changed:
            yield Conflict(
                field,
                getattr(account, field),
                f"stays {getattr(before, field)!r}: the account has orders or fills",
            )
    if account.mode != before.mode and (problem := _not_guarded(account)) is not None:
        yield problem


def _has_orders(account: ExchangeAccount) -> bool:
    return any(kind.objects.filter(account=account).exists() for kind in (Order, Fill))


def _not_guarded(account: ExchangeAccount) -> InvalidInput | None:
    """Real money waits, even when everything else would allow it."""
    if account.venue != "binance" or account.mode != Mode.EXCHANGE.value:
        return None
    ready = Circumstances(
        venue="binance",
        mode="exchange",
        trading_mode="live",
        live_enabled=True,
        key_checked=True,
        guarded=GUARDED,
    )
    way = decide(ready)
    return InvalidInput("mode", account.mode, way.reason) if way.reason else None
