"""Which contracts are followed."""

from collections.abc import Iterable, Mapping

from market.config import MarketSettings
from market.domain.types import Instrument

TRADING = "TRADING"
PERPETUAL = "PERPETUAL"
QUOTE = "USDT"


def tradable(instruments: Iterable[Instrument]) -> dict[str, Instrument]:
    """Return the USDT perpetuals that trade now, by symbol."""
    return {
        item.symbol: item
        for item in instruments
        if item.status == TRADING
        and item.contract_type == PERPETUAL
        and item.quote == QUOTE
    }


def choose(
    instruments: Iterable[Instrument],
    quote_volumes: Mapping[str, float],
    settings: MarketSettings,
    *,
    kept: Iterable[str] = (),
) -> list[str]:
    """Return the symbols to follow, the most traded first.

    The top by 24-hour quote volume, without the denied ones; allowed symbols and
    those in ``kept`` (watched, held, ordered) are in whatever their volume, as long
    as they trade at all.
    """
    known = tradable(instruments)
    denied = set(settings.symbols_deny)
    forced = [
        name
        for name in dict.fromkeys([*settings.symbols_allow, *kept])
        if name in known
    ]
    ranked = sorted(
        (name for name in known if name not in denied),
        key=lambda name: (-quote_volumes.get(name, 0.0), name),
    )
    free = max(0, settings.symbols - len(forced))
    others = [name for name in ranked if name not in forced][:free]
    return sorted(
        [*forced, *others], key=lambda name: (-quote_volumes.get(name, 0.0), name)
    )
