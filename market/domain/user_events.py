"""What the exchange tells one account about itself. All money is exact Decimal.

These arrive in no promised order: a position may change before its fill is
reported. ``time`` is the moment of the transaction, ``event_time`` the moment of
sending; milliseconds since the epoch, UTC. Codes (side, status, type) are the
exchange's own words and may grow, so they stay strings.
"""

from decimal import Decimal

from msgspec import Struct


class OrderUpdate(Struct, frozen=True):
    """A change of an order. The triple (order_id, trade_id, execution) is unique.

    ``execution`` is NEW, CANCELED, CALCULATED (liquidation or ADL), EXPIRED, TRADE
    or AMENDMENT. ``last_*`` describe the fill that caused this message.
    """

    symbol: str
    order_id: int
    client_id: str
    side: str
    position_side: str
    type: str
    original_type: str
    time_in_force: str
    execution: str
    status: str
    quantity: Decimal
    price: Decimal
    average_price: Decimal
    stop_price: Decimal
    filled_quantity: Decimal
    last_quantity: Decimal
    last_price: Decimal
    trade_id: int
    maker: bool
    reduce_only: bool
    close_position: bool
    commission: Decimal
    commission_asset: str
    realized_profit: Decimal
    expire_reason: str
    order_time: int
    time: int
    event_time: int


class BalanceChange(Struct, frozen=True):
    """Wallet of one asset after a change; ``change`` excludes PnL and commission."""

    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    change: Decimal


class PositionChange(Struct, frozen=True):
    """One position after a change; ``quantity`` is negative for a short one."""

    symbol: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    accumulated_realized: Decimal
    unrealized: Decimal
    margin_type: str
    isolated_wallet: Decimal
    margin_asset: str


class AccountUpdate(Struct, frozen=True):
    """Balances and positions that changed, and only those; ``reason`` says why."""

    reason: str
    balances: tuple[BalanceChange, ...]
    positions: tuple[PositionChange, ...]
    time: int
    event_time: int


class MarginPosition(Struct, frozen=True):
    """A position that is near liquidation."""

    symbol: str
    side: str
    quantity: Decimal
    margin_type: str
    isolated_wallet: Decimal
    mark_price: Decimal
    unrealized: Decimal
    maintenance_margin: Decimal


class MarginCall(Struct, frozen=True):
    """Positions near liquidation; ``cross_wallet`` is None for isolated ones."""

    cross_wallet: Decimal | None
    positions: tuple[MarginPosition, ...]
    event_time: int


class LeverageChange(Struct, frozen=True):
    """The leverage of a symbol was changed."""

    symbol: str
    leverage: int
    time: int
    event_time: int


class MultiAssetsChange(Struct, frozen=True):
    """Multi-assets margin was switched on or off."""

    enabled: bool
    time: int
    event_time: int


class TradeLite(Struct, frozen=True):
    """The early, short report of an own fill."""

    symbol: str
    order_id: int
    client_id: str
    side: str
    quantity: Decimal
    price: Decimal
    last_quantity: Decimal
    last_price: Decimal
    trade_id: int
    maker: bool
    time: int
    event_time: int


class AlgoUpdate(Struct, frozen=True):
    """A change of a conditional order.

    ``status`` is NEW, TRIGGERING, TRIGGERED, FINISHED, CANCELED, REJECTED or EXPIRED;
    ``child_order_id`` is "" until it triggers.
    """

    symbol: str
    algo_id: int
    client_id: str
    algo_type: str
    order_type: str
    side: str
    position_side: str
    status: str
    quantity: Decimal
    trigger_price: Decimal
    price: Decimal
    child_order_id: str
    average_price: Decimal
    filled_quantity: Decimal
    reduce_only: bool
    close_position: bool
    reject_reason: str
    trigger_time: int
    time: int
    event_time: int


class StrategyUpdate(Struct, frozen=True):
    """A change of a strategy or grid that the exchange itself runs."""

    kind: str
    strategy_id: int
    strategy_type: str
    status: str
    symbol: str
    realized: Decimal
    time: int
    event_time: int


class ConditionalReject(Struct, frozen=True):
    """A triggered stop order was refused (sent until December 2025)."""

    symbol: str
    order_id: int
    reason: str
    time: int
    event_time: int


class ListenKeyExpired(Struct, frozen=True):
    """The listen key is dead; the socket stays open and mute afterwards."""

    listen_key: str
    event_time: int


UserEvent = (
    OrderUpdate
    | AccountUpdate
    | MarginCall
    | LeverageChange
    | MultiAssetsChange
    | TradeLite
    | AlgoUpdate
    | StrategyUpdate
    | ConditionalReject
    | ListenKeyExpired
)
