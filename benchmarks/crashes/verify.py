"""Journal, exchange and database against each other: what was lost, what was doubled."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from accounts.journal import Journal
from accounts.models import Balance, ExchangeAccount, Fill, Intent, Order, Position
from benchmarks.crashes.truth import Known

NEVER = frozenset({"never_sent", "rejected"})
OPEN_INTENTS = ("waiting", "taken")


def journalled(folder: Path) -> set[str]:
    """Return the client ids of all orders in the journal of a trader that is dead."""
    with Journal(folder) as journal:
        return {
            record["body"]["order"]["client_id"]
            for _, record in journal.replay()
            if record["kind"] == "order"
        }


def disagreements(account: ExchangeAccount, known: Known) -> list[str]:
    """Return everything that is not the same, in words; empty when nothing is."""
    return [
        *_doubled(account, known),
        *_orders(account, known),
        *_trades(account, known),
        *_holdings(account, known),
    ]


def _doubled(account: ExchangeAccount, known: Known) -> Iterable[str]:
    for name in known.doubled:
        yield f"doubled on the exchange: {name} of {account.name}"


def _orders(account: ExchangeAccount, known: Known) -> Iterable[str]:
    rows = {row.client_id: row for row in Order.objects.filter(account=account)}
    for name, (status, filled) in known.orders.items():
        row = rows.get(name)
        if row is None:
            yield f"lost: order {name} of {account.name} has no row"
        elif (row.state, row.filled) != (status, filled):
            yield (
                f"order {name} of {account.name}: {row.state} {row.filled} here, "
                f"{status} {filled} there"
            )
    for name, row in rows.items():
        if name not in known.orders and row.state not in NEVER:
            yield f"order {name} of {account.name} is {row.state} and not there"


def _trades(account: ExchangeAccount, known: Known) -> Iterable[str]:
    rows = list(Fill.objects.filter(account=account).values_list("symbol", "trade_id"))
    for symbol, number in sorted(known.trades - set(rows)):
        yield f"lost: trade {number} of {symbol}, {account.name}"
    for symbol, number in sorted(set(rows) - known.trades):
        yield f"trade {number} of {symbol}, {account.name}, is not there"
    if len(rows) != len(set(rows)):
        yield f"doubled: trades of {account.name}"


def _holdings(account: ExchangeAccount, known: Known) -> Iterable[str]:
    held = {
        row.symbol: row.quantity
        for row in Position.objects.filter(account=account)
        if row.quantity
    }
    if held != known.positions:
        yield f"positions of {account.name}: {held} here, {known.positions} there"
    row = Balance.objects.filter(account=account, asset="USDT").first()
    wallet = row.wallet if row else Decimal(0)
    if wallet != known.wallet:
        yield f"wallet of {account.name}: {wallet} here, {known.wallet} there"


def missing(names: Iterable[str]) -> list[str]:
    """Return journalled orders that have no row."""
    wanted = set(names)
    rows = Order.objects.filter(client_id__in=wanted).values_list(
        "client_id", flat=True
    )
    return sorted(f"lost: journalled order {name}" for name in wanted - set(rows))


def unanswered() -> list[str]:
    """Return intents that nobody has answered."""
    rows = Intent.objects.filter(state__in=OPEN_INTENTS)
    return [f"intent {row.id} is {row.state}" for row in rows]
