"""``exchangeInfo``: every contract with its filters, as the exchange lists them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from market.simulator.listing import OTHER
from market.simulator.prices import EPOCH_MS
from market.simulator.symbols import Symbol, decimal_text

FOREVER_MS = 4_133_404_800_000
_ORDER_TYPES = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]


def exchange_info(
    symbols: Sequence[Symbol],
    server_time: int,
    weight_limit: int,
    statuses: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """``statuses`` of live symbols that are not TRADING."""
    changed = statuses or {}
    return {
        "timezone": "UTC",
        "serverTime": server_time,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, weight_limit),
            _limit("ORDERS", "MINUTE", 1, 1200),
            _limit("ORDERS", "SECOND", 10, 300),
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": exchange}
            for asset, exchange in (("USDT", "-10000"), ("BTC", "-0.10000000"))
        ],
        "symbols": [
            _live(symbol, changed.get(symbol.name, "TRADING")) for symbol in symbols
        ]
        + [_other(symbols, *entry) for entry in OTHER],
    }


def _limit(kind: str, interval: str, count: int, limit: int) -> dict[str, Any]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": count,
        "limit": limit,
    }


def _live(symbol: Symbol, status: str = "TRADING") -> dict[str, Any]:
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": "PERPETUAL",
        "deliveryDate": FOREVER_MS,
        "onboardDate": EPOCH_MS,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": symbol.price_decimals,
        "quantityPrecision": symbol.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": filters(symbol),
        "orderTypes": list(_ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY", "DCA"],
    }


def filters(symbol: Symbol) -> list[dict[str, Any]]:
    step = decimal_text(1, symbol.quantity_decimals)
    coins = 2e7 / symbol.reference_price
    most = (
        int(max(100, 10 ** (len(str(int(coins))) - 1))) * 10**symbol.quantity_decimals
    )
    notional = {0: "100", 1: "20"}.get(symbol.rank, "5")
    highest = int(symbol.reference_price * 40 * 10**symbol.price_decimals)
    unit = symbol.tick_units
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": symbol.price_text(unit),
            "maxPrice": symbol.price_text(highest // unit * unit),
            "tickSize": decimal_text(1, symbol.tick_decimals),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": step,
            "maxQty": symbol.quantity_text(most),
            "stepSize": step,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": step,
            "maxQty": symbol.quantity_text(most // 5),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": notional},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
        {
            "filterType": "POSITION_RISK_CONTROL",
            "positionControlSide": "NONE",
            "notionalLimit": "0",
        },
    ]


def _other(
    symbols: Sequence[Symbol], name: str, pair: str, kind: str, status: str, margin: str
) -> dict[str, Any]:
    """An entry that a client of trading USDT perpetuals must leave out."""
    base = pair.removesuffix(margin)
    entry = _live(symbols[0])
    entry.update(
        symbol=name,
        pair=pair,
        contractType=kind,
        status=status,
        baseAsset=base,
        quoteAsset=margin,
        marginAsset=margin,
        deliveryDate=_delivery_ms(name),
        underlyingType="EQUITY" if kind == "TRADIFI_PERPETUAL" else "COIN",
    )
    return entry


def _delivery_ms(name: str) -> int:
    """08:00 UTC of the day at the end of the name; never for a perpetual."""
    _, _, date = name.partition("_")
    if not date:
        return FOREVER_MS
    day = datetime.strptime(date, "%y%m%d").replace(hour=8, tzinfo=UTC)
    return int(day.timestamp() * 1000)
