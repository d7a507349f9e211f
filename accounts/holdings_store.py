"""Positions, balances and settings of accounts, kept by the exchange's time."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from accounts.domain.exchange import BalanceNews, ConfigNews, PositionNews
from accounts.domain.rules import ZERO
from accounts.journal_records import Record
from accounts.models import Balance, ExchangeAccount, Position
from accounts.models.exchange_accounts import PositionMode
from core.clock import now_ms

ASSET = "USDT"
POSITION_FIELDS = [
    "quantity",
    "entry",
    "exchange_profit",
    "leverage",
    "margin_type",
    "isolated_margin",
    "liquidation_price",
    "event_at",
    "updated_at",
]


class Holdings:
    """What the accounts of one batch hold: as it is, as it becomes."""

    def __init__(self, accounts: Mapping[int, ExchangeAccount]) -> None:
        self._accounts = accounts
        self._positions: dict[tuple[int, str, str], Position] = {}
        self._balances: dict[tuple[int, str], Balance] = {}
        self._read: set[str] = set()
        self._changed: dict[tuple[int, str, str], Position] = {}
        self._moved: dict[tuple[int, str], Balance] = {}

    def read(self, records: Iterable[Record]) -> None:
        """Read at once what the records will want."""
        symbols: set[str] = set()
        assets: set[str] = set()
        for record in records:
            if isinstance(record.body, PositionNews | ConfigNews):
                symbols.add(record.body.symbol)
            elif isinstance(record.body, BalanceNews):
                assets.add(record.body.asset)
        if symbols:
            self._read_positions(symbols)
        if assets:
            rows = Balance.objects.filter(account__in=self._accounts, asset__in=assets)
            self._balances = {(row.account_id, row.asset): row for row in rows}

    def _read_positions(self, symbols: set[str]) -> None:
        self._read |= symbols
        rows = Position.objects.filter(account__in=self._accounts, symbol__in=symbols)
        for row in rows:
            key = (row.account_id, row.symbol, row.side)
            self._positions.setdefault(key, row)

    def _positions_of(self, account: ExchangeAccount, symbol: str) -> list[Position]:
        if symbol not in self._read:
            self._read_positions({symbol})
        return [
            row
            for key, row in self._positions.items()
            if key[:2] == (account.id, symbol)
        ]

    def _position(self, account: ExchangeAccount, symbol: str, side: str) -> Position:
        key = (account.id, symbol, side)
        if key not in self._positions:
            known = self._positions_of(account, symbol)
        if key not in self._positions:
            row = Position(account=account, symbol=symbol, side=side, updated_at=0)
            if known:
                row.leverage = known[0].leverage
                row.margin_type = known[0].margin_type
            self._positions[key] = row
        return self._positions[key]

    def _touch(self, row: Position) -> None:
        row.updated_at = now_ms()
        self._changed[row.account_id, row.symbol, row.side] = row

    def position(self, account: ExchangeAccount, news: PositionNews) -> None:
        """Take what is held, unless something newer is known."""
        row = self._position(account, news.symbol, news.side)
        if news.at < row.event_at:
            return
        row.account = account
        row.quantity, row.entry, row.event_at = news.quantity, news.entry, news.at
        row.exchange_profit = news.profit
        if news.leverage is not None:
            row.leverage = news.leverage
        if news.margin_type is not None:
            row.margin_type = news.margin_type
        if news.isolated_margin is not None:
            row.isolated_margin = news.isolated_margin
        if news.liquidation_price is not None:
            row.liquidation_price = news.liquidation_price
        elif not news.quantity:
            row.liquidation_price = ZERO
        self._touch(row)

    def balance(self, account: ExchangeAccount, news: BalanceNews) -> None:
        """Take a wallet; what is free moves with it where it is not told."""
        key = (account.id, news.asset)
        if key not in self._balances:
            self._balances[key] = Balance(
                account=account, asset=news.asset, updated_at=0
            )
        row = self._balances[key]
        if news.at < row.event_at:
            return
        if news.available is not None:
            row.available = news.available
        else:
            row.available = max(row.available + news.wallet - row.wallet, ZERO)
        row.wallet, row.event_at, row.updated_at = news.wallet, news.at, now_ms()
        self._moved[key] = row

    def config(self, account: ExchangeAccount, news: ConfigNews) -> None:
        """Take a leverage, or a position mode."""
        if news.hedge is not None:
            mode = PositionMode.HEDGE if news.hedge else PositionMode.ONE_WAY
            if account.position_mode != mode.value:
                account.position_mode = mode.value
                account.save(update_fields=["position_mode"])
        if not news.symbol:
            return
        if news.leverage is None and news.margin_type is None:
            return
        rows = self._positions_of(account, news.symbol)
        hedge = account.position_mode == PositionMode.HEDGE.value
        if not rows:
            sides = ("LONG", "SHORT") if hedge else ("BOTH",)
            rows = [self._position(account, news.symbol, side) for side in sides]
        for row in rows:
            if news.leverage is not None:
                row.leverage = news.leverage
            if news.margin_type is not None:
                row.margin_type = news.margin_type
            self._touch(row)

    def wipe(self, account: ExchangeAccount, balance: Decimal, at: int) -> None:
        """Hold nothing but the balance."""
        for row in Position.objects.filter(account=account):
            known = self._position(account, row.symbol, row.side)
            known.quantity = known.entry = ZERO
            known.exchange_profit, known.event_at = ZERO, at
            self._touch(known)
        wallet = Balance.objects.filter(account=account, asset=ASSET).first()
        if wallet is not None:
            self._balances.setdefault((account.id, ASSET), wallet)
        self.balance(account, BalanceNews(ASSET, balance, at, balance))

    def write(self) -> list[Position]:
        """Write what changed; returns the positions among it."""
        rows = list(self._changed.values())
        Position.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "symbol", "side"],
            update_fields=POSITION_FIELDS,
        )
        Balance.objects.bulk_create(
            list(self._moved.values()),
            update_conflicts=True,
            unique_fields=["account", "asset"],
            update_fields=["wallet", "available", "event_at", "updated_at"],
        )
        return rows
