"""What the columns and the files of known sources are called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from market.history.columns import NEEDED, VALUES, FileProblem

# The first that a file has is its open time.
TIMES = (
    "open_time",
    "opentime",
    "open_timestamp",
    "open_time_ms",
    "unix",
    "unix_timestamp",
    "unix_time",
    "timestamp",
    "timestamp_ms",
    "time",
    "datetime",
    "date_time",
    "open_date",
    "date",
    "gmt_time",
)
CALLED: dict[str, tuple[str, ...]] = {
    "open": ("open", "open_price", "o"),
    "high": ("high", "high_price", "h"),
    "low": ("low", "low_price", "l"),
    "close": ("close", "close_price", "c"),
    "volume": ("volume", "vol", "base_volume", "volume_base", "v"),
    "quote_volume": (
        "quote_volume",
        "quote_asset_volume",
        "volume_quote",
        "quotevolume",
        "turnover",
    ),
    "trades": (
        "count",
        "trades",
        "number_of_trades",
        "num_trades",
        "trade_count",
        "tradecount",
    ),
    "taker_base": (
        "taker_base",
        "taker_buy_volume",
        "taker_buy_base_volume",
        "taker_buy_base_asset_volume",
        "taker_buy_base",
    ),
    "taker_quote": (
        "taker_quote",
        "taker_buy_quote_volume",
        "taker_buy_quote_asset_volume",
        "taker_buy_quote",
    ),
}
SYMBOLS = ("symbol", "ticker", "pair")
MONEY = frozenset(
    [
        "usd",
        "usdt",
        "usdc",
        "busd",
        "fdusd",
        "tusd",
        "dai",
        "eur",
        "gbp",
        "jpy",
        "try",
        "brl",
        "aud",
        "krw",
    ]
)
COINS = frozenset(["btc", "xbt", "eth", "bnb", "sol", "xrp", "ltc", "doge", "ada"])
# A public dump of Binance without a header; the last field is of no use.
DUMP = (
    "open_time",
    *("open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)

_PLAIN = re.compile(r"[^0-9a-z]+")
_AMOUNT = re.compile(r"(?:volume|vol)_([a-z0-9]+)|([a-z0-9]+)_volume")
_DUMP_FILE = re.compile(
    r"(?P<symbol>[^-/\\\s]+)-(?P<interval>\d{1,2}(?:mo|[smhdwM]))"
    r"-\d{4}-\d\d(?:-\d\d)?\.(?:csv|zip|csv\.gz)"
)


@dataclass(frozen=True)
class Columns:
    """Which column of a file holds what: positions by name."""

    time: int
    values: Mapping[str, int]
    symbol: int | None
    names: tuple[str, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """The values that the file does not have."""
        return tuple(name for name in VALUES if name not in self.values)


def plain(name: str) -> str:
    """Return a column's name as it is looked up."""
    return _PLAIN.sub("_", name.strip().lower()).strip("_")


def series_of(file_name: str) -> tuple[str, str] | None:
    """Return (symbol, interval) of a public dump's name, else None."""
    found = _DUMP_FILE.fullmatch(file_name)
    return None if found is None else (found["symbol"], found["interval"])


def find_columns(header: Sequence[str], symbol: str = "") -> Columns:
    """Tell what each column is; raises ``FileProblem`` when candles cannot be made.

    ``symbol`` decides which asset counts the volume where columns name assets.
    """
    names = [plain(name) for name in header]
    time = next((names.index(name) for name in TIMES if name in names), None)
    values: dict[str, int] = {}
    for value, called in CALLED.items():
        at = next((names.index(name) for name in called if name in names), None)
        if at is not None:
            values[value] = at
    _name_amounts(names, values, symbol.lower())
    lacking = [name for name in NEEDED if name not in values]
    if time is None:
        lacking.insert(0, "open time")
    if time is None or lacking:
        raise FileProblem(
            f"these are no candles: no column for {', '.join(lacking)}; "
            f"the file has {', '.join(header)}"
        )
    at = next((names.index(name) for name in SYMBOLS if name in names), None)
    return Columns(time, values, at, tuple(header))


def _name_amounts(names: list[str], values: dict[str, int], symbol: str) -> None:
    """Place columns like "Volume BTC"; beside one of these a plain volume is the other."""
    known = set(values.values())
    for at, name in enumerate(names):
        found = _AMOUNT.fullmatch(name)
        unit = None if found is None else _unit(found[1] or found[2], symbol)
        if unit is None or at in known:
            continue
        other = "volume" if unit == "quote_volume" else "quote_volume"
        if unit in values and other not in values:
            values[other] = values.pop(unit)
        values.setdefault(unit, at)


def _unit(asset: str, symbol: str) -> str | None:
    """Return the volume that is counted in ``asset``, None for words of no asset."""
    if symbol.endswith(asset):
        return "quote_volume"
    if symbol.startswith(asset) or asset in COINS:
        return "volume"
    return "quote_volume" if asset in MONEY else None
