"""Answers to private requests, one struct each; amounts are exact Decimals.

Names are the wire's in snake case. Codes (status, type …) are open enumerations and
stay text. Keys that only some servers or years send have defaults; None means that it
was not told.

Source: binance-connector-python 18.1 models of USD-M futures.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Literal, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from market.binance.wire import Id, Millis, OrderId, Symbol, Text, finite

Side = Literal["BUY", "SELL"]
PositionSide = Literal["BOTH", "LONG", "SHORT"]
_ZERO = Decimal(0)
Body = TypeVar("Body")


class OrderBody(Struct, frozen=True, rename="camel"):
    """An order as POST, PUT, DELETE and GET tell it.

    ``avg_price`` is not told by newer servers unless asked by GET; ``time`` (of
    creation) is told by GET alone.
    """

    symbol: Symbol
    order_id: OrderId
    client_order_id: Text
    status: Text
    side: Side
    orig_qty: Decimal
    executed_qty: Decimal
    update_time: Millis
    type: Text = ""
    orig_type: Text = ""
    price: Decimal = _ZERO
    stop_price: Decimal = _ZERO
    avg_price: Decimal | None = None
    cum_quote: Decimal | None = None
    position_side: PositionSide = "BOTH"
    time_in_force: Text = ""
    reduce_only: bool = False
    close_position: bool = False
    time: Millis = 0


class ItemError(Struct, frozen=True):
    """What stands in the place of one order of a batch that was refused."""

    code: int
    msg: str = ""


class AlgoBody(Struct, frozen=True, rename="camel"):
    """A conditional order; ``actual_order_id`` is "" until it triggers."""

    algo_id: OrderId
    client_algo_id: Text
    symbol: Symbol
    side: Side
    algo_status: Text
    quantity: Decimal | None = None
    order_type: Text = ""
    position_side: PositionSide = "BOTH"
    time_in_force: Text = ""
    trigger_price: Decimal = _ZERO
    price: Decimal | None = None
    actual_order_id: str | int = ""
    close_position: bool = False
    reduce_only: bool = False
    create_time: Millis = 0
    update_time: Millis = 0
    trigger_time: Millis = 0


class AlgoGone(Struct, frozen=True, rename="camel"):
    """The answer to the cancel of a conditional order."""

    algo_id: OrderId
    client_algo_id: Text = ""


class BalanceBody(Struct, frozen=True, rename="camel"):
    """An asset of ``v3/balance``."""

    asset: Text
    balance: Decimal
    available_balance: Decimal
    cross_wallet_balance: Decimal = _ZERO
    cross_un_pnl: Decimal = _ZERO
    max_withdraw_amount: Decimal = _ZERO
    update_time: Millis = 0


class PositionBody(Struct, frozen=True, rename="camel"):
    """A row of ``v3/positionRisk``: only symbols with a position or an open order."""

    symbol: Symbol
    position_side: PositionSide
    position_amt: Decimal
    entry_price: Decimal
    break_even_price: Decimal = _ZERO
    mark_price: Decimal = _ZERO
    un_realized_profit: Decimal = _ZERO
    liquidation_price: Decimal = _ZERO
    isolated_margin: Decimal = _ZERO
    notional: Decimal = _ZERO
    isolated_wallet: Decimal = _ZERO
    initial_margin: Decimal = _ZERO
    maint_margin: Decimal = _ZERO
    update_time: Millis = 0


class AccountAsset(Struct, frozen=True, rename="camel"):
    """An entry of ``assets`` in ``v3/account``."""

    asset: Text
    wallet_balance: Decimal
    available_balance: Decimal = _ZERO
    margin_balance: Decimal = _ZERO
    unrealized_profit: Decimal = _ZERO
    update_time: Millis = 0


class AccountBody(Struct, frozen=True, rename="camel"):
    """``v3/account``; totals are in USD."""

    total_wallet_balance: Decimal
    total_margin_balance: Decimal
    available_balance: Decimal
    total_unrealized_profit: Decimal = _ZERO
    total_initial_margin: Decimal = _ZERO
    total_maint_margin: Decimal = _ZERO
    assets: tuple[AccountAsset, ...] = ()


class SymbolConfigBody(Struct, frozen=True, rename="camel"):
    """A row of ``symbolConfig``; ``margin_type`` is CROSSED or ISOLATED."""

    symbol: Symbol
    margin_type: Text
    leverage: int


class PositionModeBody(Struct, frozen=True, rename="camel"):
    """``positionSide/dual``: whether the account is in hedge mode."""

    dual_side_position: bool


class LeverageBody(Struct, frozen=True, rename="camel"):
    """The answer to a new leverage."""

    symbol: Symbol
    leverage: int


class TradeBody(Struct, frozen=True, rename="camel"):
    """A row of ``userTrades``, oldest first."""

    symbol: Symbol
    id: Id
    order_id: OrderId
    side: Side
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: Text
    time: Millis
    realized_pnl: Decimal = _ZERO
    position_side: PositionSide = "BOTH"
    maker: bool = False


class IncomeBody(Struct, frozen=True, rename="camel"):
    """A row of ``income``; ``symbol`` and ``trade_id`` may be empty."""

    income_type: Text
    income: Decimal
    asset: Text
    time: Millis
    tran_id: str | int
    symbol: str = ""
    trade_id: str | int = ""
    info: str = ""


class CodeBody(Struct, frozen=True):
    """``{"code": 200, "msg": …}``: done, nothing more to tell."""

    code: int
    msg: str = ""


class CountdownBody(Struct, frozen=True, rename="camel"):
    """The armed dead-man switch of a symbol, ms; 0: disarmed."""

    symbol: Symbol
    countdown_time: int


class ListenKeyBody(Struct, frozen=True, rename="camel"):
    """The key of the user data stream."""

    listen_key: str = ""


class KeyBody(Struct, frozen=True, rename="camel"):
    """``apiRestrictions``: what an API key may do, and whether only from given IPs.

    ``trading_authority_expiration_time`` None: it does not expire.
    """

    ip_restrict: bool
    enable_withdrawals: bool
    enable_futures: bool
    enable_reading: bool = True
    enable_internal_transfer: bool = False
    permits_universal_transfer: bool = False
    enable_spot_and_margin_trading: bool = False
    create_time: Millis = 0
    trading_authority_expiration_time: Millis | None = None


class AccountConfigBody(Struct, frozen=True, rename="camel"):
    """``accountConfig``: what the account may do."""

    can_trade: bool
    can_withdraw: bool = False
    can_deposit: bool = False
    dual_side_position: bool = False
    multi_assets_margin: bool = False
    fee_tier: int = 0


def order_items(raw: bytes) -> tuple[OrderBody | ItemError, ...]:
    """Read the answer to a batch; raises ``ValueError``."""
    return tuple(_order_item(item) for item in _items(raw))


def _order_item(raw: Raw) -> OrderBody | ItemError:
    try:
        return _refused_item(raw)
    except ValueError:
        return _order_item_body(bytes(raw))


def reader(kind: type[Body]) -> Callable[[bytes], Body]:
    """Return a decoder of this shape; it raises ``ValueError`` for any other."""
    decode = Decoder(kind, strict=False).decode

    def read(raw: bytes) -> Body:
        try:
            body: Body = decode(raw)
        except (ArithmeticError, RecursionError) as error:
            raise ValueError(str(error)) from error
        _check_finite(body)
        return body

    return read


_items = Decoder(tuple[Raw, ...]).decode
_refused_item = Decoder(ItemError).decode
_order_item_body = reader(OrderBody)


def _check_finite(value: object) -> None:
    if isinstance(value, Decimal):
        finite(value)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            _check_finite(getattr(value, name))
    elif isinstance(value, (tuple, list)):
        for one in value:
            _check_finite(one)
