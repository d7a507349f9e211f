"""Messages of the USD-M user data stream, one struct each, as on the wire.

Field names are the wire's; numbers are exact Decimals, because servers send the
same amount as "0.020" and "0.02". Codes are open enumerations and stay text.
``events`` raises ValueError for amounts that are not finite.

Source: Binance USD-M user data stream documentation, captured frames.
"""

from decimal import Decimal

from msgspec import Struct

from market.binance.wire import Id, Millis, OrderId, Symbol, Text, Wire, finite
from market.domain.user_events import (
    AccountUpdate,
    AlgoUpdate,
    BalanceChange,
    ConditionalReject,
    LeverageChange,
    ListenKeyExpired,
    MarginCall,
    MarginPosition,
    MultiAssetsChange,
    OrderUpdate,
    PositionChange,
    StrategyUpdate,
    TradeLite,
    UserEvent,
)

UserEvents = tuple[UserEvent, ...]
_ZERO = Decimal(0)


class Order(Struct, frozen=True):
    """The ``o`` object of ORDER_TRADE_UPDATE."""

    s: Symbol
    i: OrderId
    S: Text
    x: Text
    X: Text
    q: Decimal
    c: Text = ""
    o: Text = ""
    f: Text = ""
    ot: Text = ""
    ps: Text = "BOTH"
    p: Decimal = _ZERO
    ap: Decimal = _ZERO
    sp: Decimal = _ZERO
    l: Decimal = _ZERO  # noqa: E741 - the wire's name
    z: Decimal = _ZERO
    L: Decimal = _ZERO
    n: Decimal = _ZERO
    N: Text | None = None
    T: Millis = 0
    t: Id = 0
    m: bool = False
    R: bool = False
    cp: bool = False
    rp: Decimal = _ZERO
    er: str | int = ""


class OrderTradeUpdate(Wire, frozen=True, tag="ORDER_TRADE_UPDATE"):
    """An own order changed."""

    E: Millis
    T: Millis
    o: Order

    def events(self, stream: str, received_ms: int) -> UserEvents:
        o = self.o
        finite(o.q, o.p, o.ap, o.sp, o.l, o.z, o.L, o.n, o.rp)
        return (
            OrderUpdate(
                symbol=o.s,
                order_id=o.i,
                client_id=o.c,
                side=o.S,
                position_side=o.ps,
                type=o.o,
                original_type=o.ot or o.o,
                time_in_force=o.f,
                execution=o.x,
                status=o.X,
                quantity=o.q,
                price=o.p,
                average_price=o.ap,
                stop_price=o.sp,
                filled_quantity=o.z,
                last_quantity=o.l,
                last_price=o.L,
                trade_id=o.t,
                maker=o.m,
                reduce_only=o.R,
                close_position=o.cp,
                commission=o.n,
                commission_asset=o.N or "",
                realized_profit=o.rp,
                expire_reason=str(o.er),
                order_time=o.T,
                time=self.T,
                event_time=self.E,
            ),
        )


class Balance(Struct, frozen=True):
    """An entry of ``a.B``."""

    a: Text
    wb: Decimal
    cw: Decimal
    bc: Decimal = _ZERO


class Position(Struct, frozen=True):
    """An entry of ``a.P``."""

    s: Symbol
    pa: Decimal
    ep: Decimal
    up: Decimal
    cr: Decimal = _ZERO
    bep: Decimal = _ZERO
    mt: Text = ""
    iw: Decimal = _ZERO
    ps: Text = "BOTH"
    ma: Text = ""


class Changes(Struct, frozen=True):
    """The ``a`` object of ACCOUNT_UPDATE."""

    m: Text
    B: tuple[Balance, ...] = ()
    P: tuple[Position, ...] = ()


class AccountChange(Wire, frozen=True, tag="ACCOUNT_UPDATE"):
    """Balances or positions changed."""

    E: Millis
    T: Millis
    a: Changes

    def events(self, stream: str, received_ms: int) -> UserEvents:
        for b in self.a.B:
            finite(b.wb, b.cw, b.bc)
        for p in self.a.P:
            finite(p.pa, p.ep, p.up, p.cr, p.bep, p.iw)
        balances = tuple(BalanceChange(b.a, b.wb, b.cw, b.bc) for b in self.a.B)
        positions = tuple(
            PositionChange(p.s, p.ps, p.pa, p.ep, p.bep, p.cr, p.up, p.mt, p.iw, p.ma)
            for p in self.a.P
        )
        return (AccountUpdate(self.a.m, balances, positions, self.T, self.E),)


class CalledPosition(Struct, frozen=True):
    """An entry of ``p`` in MARGIN_CALL."""

    s: Symbol
    ps: Text
    pa: Decimal
    mp: Decimal
    up: Decimal
    mm: Decimal
    mt: Text = ""
    iw: Decimal = _ZERO


class MarginCallMessage(Wire, frozen=True, tag="MARGIN_CALL"):
    """Positions are near liquidation; ``cw`` only for cross margin."""

    E: Millis
    p: tuple[CalledPosition, ...]
    cw: Decimal | None = None

    def events(self, stream: str, received_ms: int) -> UserEvents:
        finite(self.cw)
        for p in self.p:
            finite(p.pa, p.mp, p.up, p.mm, p.iw)
        positions = tuple(
            MarginPosition(p.s, p.ps, p.pa, p.mt, p.iw, p.mp, p.up, p.mm)
            for p in self.p
        )
        return (MarginCall(self.cw, positions, self.E),)


class SymbolConfig(Struct, frozen=True):
    """The ``ac`` object: leverage of a symbol."""

    s: Symbol
    l: int  # noqa: E741 - the wire's name


class AccountConfig(Struct, frozen=True):
    """The ``ai`` object: multi-assets mode."""

    j: bool


class AccountConfigUpdate(Wire, frozen=True, tag="ACCOUNT_CONFIG_UPDATE"):
    """Leverage or the multi-assets mode changed."""

    E: Millis
    T: Millis = 0
    ac: SymbolConfig | None = None
    ai: AccountConfig | None = None

    def events(self, stream: str, received_ms: int) -> UserEvents:
        if self.ac is not None:
            return (LeverageChange(self.ac.s, self.ac.l, self.T, self.E),)
        if self.ai is not None:
            return (MultiAssetsChange(self.ai.j, self.T, self.E),)
        raise ValueError("a configuration update without ac and ai")


class TradeLiteMessage(Wire, frozen=True, tag="TRADE_LITE"):
    """An own fill, short form, before the order update."""

    E: Millis
    T: Millis
    s: Symbol
    q: Decimal
    S: Text
    L: Decimal
    l: Decimal  # noqa: E741 - the wire's name
    t: Id
    i: OrderId
    p: Decimal = _ZERO
    m: bool = False
    c: Text = ""

    def events(self, stream: str, received_ms: int) -> UserEvents:
        finite(self.q, self.p, self.l, self.L)
        return (
            TradeLite(
                self.s, self.i, self.c, self.S, self.q, self.p, self.l, self.L,
                self.t, self.m, self.T, self.E,
            ),
        )  # fmt: skip


class AlgoOrder(Struct, frozen=True):
    """The ``o`` object of ALGO_UPDATE."""

    s: Symbol
    aid: OrderId
    S: Text
    X: Text
    q: Decimal
    caid: Text = ""
    at: Text = ""
    o: Text = ""
    ps: Text = "BOTH"
    tp: Decimal = _ZERO
    p: Decimal = _ZERO
    ai: str | int = ""
    ap: Decimal = _ZERO
    aq: Decimal = _ZERO
    R: bool = False
    cp: bool = False
    rm: Text = ""
    tt: Millis = 0


class AlgoUpdateMessage(Wire, frozen=True, tag="ALGO_UPDATE"):
    """A conditional order changed."""

    E: Millis
    T: Millis
    o: AlgoOrder

    def events(self, stream: str, received_ms: int) -> UserEvents:
        o = self.o
        finite(o.q, o.tp, o.p, o.ap, o.aq)
        return (
            AlgoUpdate(
                symbol=o.s,
                algo_id=o.aid,
                client_id=o.caid,
                algo_type=o.at,
                order_type=o.o,
                side=o.S,
                position_side=o.ps,
                status=o.X,
                quantity=o.q,
                trigger_price=o.tp,
                price=o.p,
                child_order_id=str(o.ai),
                average_price=o.ap,
                filled_quantity=o.aq,
                reduce_only=o.R,
                close_position=o.cp,
                reject_reason=o.rm,
                trigger_time=o.tt,
                time=self.T,
                event_time=self.E,
            ),
        )


class Strategy(Struct, frozen=True):
    """The ``su`` object of STRATEGY_UPDATE and ``gu`` of GRID_UPDATE."""

    si: OrderId
    st: Text
    ss: Text
    s: Symbol
    r: Decimal = _ZERO


class StrategyMessage(Wire, frozen=True, tag="STRATEGY_UPDATE"):
    """A strategy that the exchange runs changed its state."""

    E: Millis
    T: Millis
    su: Strategy

    def events(self, stream: str, received_ms: int) -> UserEvents:
        s = self.su
        return (
            StrategyUpdate("strategy", s.si, s.st, s.ss, s.s, _ZERO, self.T, self.E),
        )


class GridMessage(Wire, frozen=True, tag="GRID_UPDATE"):
    """A grid that the exchange runs changed; ``r`` is its realised profit."""

    E: Millis
    T: Millis
    gu: Strategy

    def events(self, stream: str, received_ms: int) -> UserEvents:
        g = self.gu
        finite(g.r)
        return (StrategyUpdate("grid", g.si, g.st, g.ss, g.s, g.r, self.T, self.E),)


class RejectedOrder(Struct, frozen=True):
    """The ``or`` object of CONDITIONAL_ORDER_TRIGGER_REJECT."""

    s: Symbol
    i: OrderId
    r: Text


class TriggerReject(
    Wire,
    frozen=True,
    tag="CONDITIONAL_ORDER_TRIGGER_REJECT",
    rename={"order": "or"},
):
    """A triggered stop order was refused; retired in December 2025."""

    E: Millis
    T: Millis
    order: RejectedOrder

    def events(self, stream: str, received_ms: int) -> UserEvents:
        o = self.order
        return (ConditionalReject(o.s, o.i, o.r, self.T, self.E),)


class ListenKeyMessage(Wire, frozen=True, tag="listenKeyExpired"):
    """The listen key died."""

    E: Millis
    listenKey: Text = ""

    def events(self, stream: str, received_ms: int) -> UserEvents:
        return (ListenKeyExpired(self.listenKey, self.E),)


UserMessage = (
    OrderTradeUpdate
    | AccountChange
    | MarginCallMessage
    | AccountConfigUpdate
    | TradeLiteMessage
    | AlgoUpdateMessage
    | StrategyMessage
    | GridMessage
    | TriggerReject
    | ListenKeyMessage
)
