"""Which symbols a request is about."""

from market.simulator.errors import bad_symbol, missing
from market.simulator.exchange import Exchange
from market.simulator.listing import OTHER
from market.simulator.queries import Query
from market.simulator.symbols import Symbol

_UNLISTED = {name for name, *_ in OTHER}


def find_symbol(exchange: Exchange, name: str | None) -> Symbol | None:
    """The live symbol; None for one that is listed but does not trade."""
    if name is None:
        raise missing("symbol")
    symbol = exchange.by_name.get(name)
    if symbol is None and name not in _UNLISTED:
        raise bad_symbol()
    return symbol


def asked_symbols(exchange: Exchange, query: Query) -> tuple[bool, list[Symbol]]:
    """(one was named, the symbols)."""
    name = query.symbol()
    if name is None:
        return False, list(exchange.symbols)
    symbol = find_symbol(exchange, name)
    if symbol is None:
        raise bad_symbol()
    return True, [symbol]
