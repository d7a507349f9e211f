"""REST of what accounts hold and how they did: positions, profit, performance."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query

from accounts import (
    overview_selectors,
    performance_selectors,
    pnl_selectors,
    position_selectors,
)
from accounts.api_parts import MOST, chosen, file, period, router, venue
from accounts.live import POSITIONS
from core import push
from core.export import Format, Kind

# A file has all of them.
TRADES_TOLD = 200
SUMS: dict[str, Kind] = {
    "realised": "text",
    "exchange_realised": "text",
    "difference": "text",
    "agrees": "boolean",
    "fees": "text",
    "funding": "text",
    "net": "text",
    "volume": "text",
    "fills": "integer",
}
PNL_COLUMNS: dict[str, dict[str, Kind]] = {
    "accounts": {
        "account": "text",
        "account_badge": "text",
        "basis": "text",
        "problem": "text",
        **SUMS,
    },
    "symbols": {"symbol": "text", **SUMS},
    "trades": {
        "account": "text",
        "account_badge": "text",
        "symbol": "text",
        "position_side": "text",
        "direction": "text",
        "opened_at": "integer",
        "closed_at": "integer",
        "quantity": "text",
        "entry": "text",
        "exit": "text",
        "realised": "text",
        "fees": "text",
        "funding": "text",
        "net": "text",
    },
    "conversions": {
        "asset": "text",
        "at": "integer",
        "price": "text",
        "paid": "text",
    },
}
POSITION_COLUMNS: dict[str, Kind] = {
    "symbol": "text",
    "account": "text",
    "account_badge": "text",
    "side": "text",
    "quantity": "text",
    "entry": "text",
    "leverage": "integer",
    "margin_type": "text",
    "liquidation_price": "text",
    "profit": "text",
    "profit_source": "text",
    "exchange_profit": "text",
    "mark_price": "text",
    "mark_profit": "text",
    "last_price": "text",
    "last_profit": "text",
    "mid_price": "text",
    "mid_profit": "text",
    "consistent": "boolean",
}


@router.get("/positions")
def positions(
    request: HttpRequest,
    account: str = "",
    group: str = "",
    symbol: str = "",
    file_format: Annotated[Format | None, Query(alias="format")] = None,
) -> Any:
    """Positions over all accounts with their parts, valued by three prices."""
    position = push.position(POSITIONS)
    told = position_selectors.merged_positions(
        venue=venue(), account=account, group=group, symbol=symbol.upper()
    )
    if file_format is not None:
        rows = _position_rows(told)
        return file(request, "positions", POSITION_COLUMNS, rows, file_format)
    told["reconciled"] = position_selectors.newest_reconciliations(
        chosen(account, group)
    )
    return told | position


@router.get("/reconciliations")
def reconciliations(
    request: HttpRequest,
    account: str = "",
    differences: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> dict[str, Any]:
    """Comparisons of ours with the exchange's: what differed and was mended."""
    rows = overview_selectors.reconciliations(
        venue=venue(), account=account, with_differences=differences, limit=limit
    )
    return {"venue": venue(), "reconciliations": rows}


@router.get("/pnl")
def pnl(
    request: HttpRequest,
    account: str = "",
    group: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    what: Literal["accounts", "symbols", "trades", "conversions"] = "symbols",
    file_format: Annotated[Format | None, Query(alias="format")] = None,
) -> Any:
    """Profit of a period: realised, fees and funding apart, and what is open now.

    With ``format`` a file of ``what``.
    """
    most = TRADES_TOLD if file_format is None else None
    told = pnl_selectors.report(chosen(account, group), period(since, until), most=most)
    if file_format is not None:
        rows = [{**row, "account_badge": row.get("badge")} for row in told[what]]
        columns = PNL_COLUMNS[what]
        facts = {"since": told["since"], "until": told["until"], "asset": told["asset"]}
        return file(request, f"pnl-{what}", columns, rows, file_format, **facts)
    told["open"] = position_selectors.merged_positions(
        venue=venue(), account=account, group=group
    )
    return {"venue": venue(), **told}


@router.get("/equity")
def equity(
    request: HttpRequest,
    account: str = "",
    group: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """What accounts were worth, without any reckoning."""
    told = performance_selectors.curves(chosen(account, group), period(since, until))
    return {"venue": venue(), **told}


@router.get("/performance")
def performance(
    request: HttpRequest,
    account: str = "",
    group: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    what: Literal["summary", "curve"] = "summary",
    file_format: Annotated[Format | None, Query(alias="format")] = None,
) -> Any:
    """Equity curve, win rate, profit factor, Sharpe and drawdown, per account, group
    and in all.

    With ``format`` a file of ``what``.
    """
    told = performance_selectors.report(chosen(account, group), period(since, until))
    if file_format is None:
        return {"venue": venue(), **told}
    facts = {"since": told["since"], "until": told["until"], "asset": told["asset"]}
    if what == "curve":
        rows = performance_selectors.curve_rows(told)
        columns = performance_selectors.CURVE_COLUMNS
    else:
        rows = performance_selectors.summary_rows(told)
        columns = performance_selectors.CSV_COLUMNS
    return file(request, f"performance-{what}", columns, rows, file_format, **facts)


def _position_rows(told: dict[str, Any]) -> Any:
    for one in told["positions"]:
        for part in one["parts"]:
            value = part["valuation"]
            prices = {
                f"{reading['source']}_{name}": reading[name]
                for reading in value["readings"]
                for name in ("price", "profit")
            }
            yield {
                **part,
                **prices,
                "symbol": one["symbol"],
                "account_badge": part["badge"],
                "profit": value["profit"],
                "profit_source": value["source"],
                "exchange_profit": value["exchange_profit"],
                "consistent": value["consistent"],
            }
