"""How accounts, groups and all of them did over a period."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from accounts import equity_selectors
from accounts.domain.equity import together
from accounts.domain.performance import Equity, Performance, performance
from accounts.domain.rules import ZERO
from accounts.ledger_selectors import AccountLedger, account_ledger
from accounts.messages import Told, account_badge, money, thin
from accounts.models import ExchangeAccount
from accounts.pnl_selectors import Period
from core.export import Kind

NO_GROUP = ""


def report(accounts: Iterable[ExchangeAccount], period: Period) -> Told:
    """Return numbers and curves per account, per group and in all.

    ``resolution_seconds``: how far apart the kept values are that they rest on.
    """
    chosen = list(accounts)
    since = max(period.since, equity_selectors.first_at(chosen) or period.since)
    curves = equity_selectors.curves(chosen, since=since, until=period.until)
    walked = [account_ledger(one, until=period.until) for one in chosen]
    trades = {one.account.name: list(trade_results(one, period)) for one in walked}
    names = sorted({_group(one) for one in chosen})
    members = {
        name: [one.name for one in chosen if _group(one) == name] for name in names
    }

    def told(of: list[str]) -> Told:
        return performance_told(
            together([curves[name] for name in of]),
            [result for name in of for result in trades[name]],
        )

    return {
        "asset": equity_selectors.ASSET,
        "since": period.since,
        "until": period.until,
        "resolution_seconds": equity_selectors.step_ms(since, period.until) // 1000,
        "total_accounts": len(chosen),
        "account_groups": {name: len(members[name]) for name in names},
        "total": told([one.name for one in chosen]),
        "groups": [
            {"group": name, "accounts": members[name], **told(members[name])}
            for name in names
        ],
        "accounts": [
            {
                "account": one.name,
                "badge": account_badge(one),
                "group": _group(one),
                **told([one.name]),
            }
            for one in chosen
        ],
        "problems": {one.account.name: one.problem for one in walked if one.problem},
    }


def curves(accounts: Iterable[ExchangeAccount], period: Period) -> Told:
    """Return the equity curves alone, by account: [ms, equity]."""
    found = equity_selectors.curves(accounts, since=period.since, until=period.until)
    return {
        "asset": equity_selectors.ASSET,
        "since": period.since,
        "until": period.until,
        "curves": {
            name: thin([[one.at, money(one.value)] for one in curve])
            for name, curve in found.items()
        },
    }


def trade_results(mine: AccountLedger, period: Period) -> Iterator[Decimal]:
    """Yield what each closed trade of the period earned after fees and funding.

    Where the fills do not begin at the beginning: what each closing fill earned, by the
    exchange's word, after its own fee.
    """
    if not mine.problem:
        for trip in mine.ledger.trips:
            if trip.closed_at is not None and trip.closed_at in period:
                yield trip.net
        return
    for (fill, realised), fee in zip(mine.fills, mine.ledger.fees, strict=True):
        if realised and fill.at in period:
            yield realised - (fee.value or ZERO)


def performance_told(curve: list[Equity], trades: list[Decimal]) -> Told:
    """Tell the numbers of a curve and its trades, and the curve itself."""
    found: Performance = performance(curve, trades)
    return {
        "equity": money(curve[-1].value) if curve else None,
        "trades": found.trades,
        "net_profit": money(found.net_profit),
        "win_rate": found.win_rate,
        "profit_factor": found.profit_factor,
        "total_return": found.total_return,
        "sharpe": found.sharpe,
        "max_drawdown": found.max_drawdown,
        "curve": thin(
            [
                [one.at, money(one.value), growth]
                for one, growth in zip(curve, _growths(curve, found), strict=True)
            ]
        ),
    }


def _growths(curve: list[Equity], found: Performance) -> list[float | None]:
    """Return the growth at each moment of the curve, None before there was money."""
    known = dict(found.curve)
    return [known.get(one.at) for one in curve]


def _group(account: ExchangeAccount) -> str:
    return account.group.name if account.group else NO_GROUP


CSV_COLUMNS: dict[str, Kind] = {
    "level": "text",
    "name": "text",
    "equity": "text",
    "trades": "integer",
    "net_profit": "text",
    "win_rate": "number",
    "profit_factor": "number",
    "total_return": "number",
    "sharpe": "number",
    "max_drawdown": "number",
}


def summary_rows(told: Told) -> Iterator[Told]:
    """Yield the report as rows: total, groups, accounts."""
    named: tuple[tuple[str, Callable[[Told], str], list[Told]], ...] = (
        ("total", lambda row: "all", [told["total"]]),
        ("group", lambda row: row["group"], told["groups"]),
        ("account", lambda row: row["account"], told["accounts"]),
    )
    for level, name, rows in named:
        for row in rows:
            numbers = {column: row.get(column) for column in CSV_COLUMNS}
            yield {**numbers, "level": level, "name": name(row)}


CURVE_COLUMNS: dict[str, Kind] = {
    "level": "text",
    "name": "text",
    "at": "integer",
    "equity": "text",
    "growth": "number",
}


def curve_rows(told: Told) -> Iterator[Told]:
    """Yield every point of every curve."""
    parts = [("total", "all", told["total"])]
    parts += [("group", row["group"], row) for row in told["groups"]]
    parts += [("account", row["account"], row) for row in told["accounts"]]
    for level, name, row in parts:
        for at, equity, growth in row["curve"]:
            yield {
                "level": level,
                "name": name,
                "at": at,
                "equity": equity,
                "growth": growth,
            }
