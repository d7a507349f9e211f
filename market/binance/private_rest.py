"""Private requests of one account over the shared REST client.

Every method sends once and raises ``RestError`` when there is no good answer;
``market.binance.signed.action_of`` says what such an error asks of the caller.

Source: Binance USD-M futures REST documentation; weights from connector doc strings.
"""

from collections.abc import Sequence

import msgspec

from market.binance.private_schemas import (
    AccountBody,
    AccountConfigBody,
    AlgoBody,
    AlgoGone,
    BalanceBody,
    CodeBody,
    CountdownBody,
    IncomeBody,
    ItemError,
    KeyBody,
    LeverageBody,
    ListenKeyBody,
    OrderBody,
    PositionBody,
    PositionModeBody,
    SymbolConfigBody,
    TradeBody,
    order_items,
    reader,
)
from market.binance.rest_errors import RestGarbled
from market.binance.signed import Params, SignedCaller, Value, told

BATCH = 5
PAGE = 1_000

_order = reader(OrderBody)
_orders = reader(tuple[OrderBody, ...])
_algo = reader(AlgoBody)
_algos = reader(tuple[AlgoBody, ...])
_algo_gone = reader(AlgoGone)
_account = reader(AccountBody)
_account_config = reader(AccountConfigBody)
_balances = reader(tuple[BalanceBody, ...])
_positions = reader(tuple[PositionBody, ...])
_configs = reader(tuple[SymbolConfigBody, ...])
_position_mode = reader(PositionModeBody)
_trades = reader(tuple[TradeBody, ...])
_incomes = reader(tuple[IncomeBody, ...])
_leverage = reader(LeverageBody)
_code = reader(CodeBody)
_countdown = reader(CountdownBody)
_listen_key = reader(ListenKeyBody)
_key = reader(KeyBody)


class PrivateRest:
    """One account's requests; ``spot_caller`` reaches the paths of the spot host."""

    def __init__(
        self, caller: SignedCaller, spot_caller: SignedCaller | None = None
    ) -> None:
        self._caller = caller
        self._spot_caller = spot_caller or caller

    def now_ms(self) -> int:
        """Return the exchange's time, ms since the epoch."""
        return self._caller.now_ms()

    # -- orders -----------------------------------------------------------------

    async def place(self, params: Params) -> OrderBody:
        """Send a MARKET or LIMIT order, once."""
        return await self._caller.order(
            "POST", "/fapi/v1/order", _order, {**params, "newOrderRespType": "RESULT"}
        )

    async def place_many(
        self, orders: Sequence[Params]
    ) -> tuple[OrderBody | ItemError, ...]:
        """Send up to five orders; each has its own answer, in their order."""
        if not 0 < len(orders) <= BATCH:
            raise ValueError(f"a batch has 1 to {BATCH} orders, not {len(orders)}")
        lines = [{name: told(value) for name, value in one.items()} for one in orders]
        return await self._caller.order(
            "POST",
            "/fapi/v1/batchOrders",
            order_items,
            {"batchOrders": msgspec.json.encode(lines).decode()},
            weight=5,
            orders=len(orders),
        )

    async def place_algo(self, params: Params) -> AlgoBody:
        """Send a conditional order, once."""
        return await self._caller.order(
            "POST", "/fapi/v1/algoOrder", _algo, {"algoType": "CONDITIONAL", **params}
        )

    async def amend(self, params: Params) -> OrderBody:
        """Change price and quantity of a LIMIT order."""
        return await self._caller.order("PUT", "/fapi/v1/order", _order, params)

    async def cancel(
        self, symbol: str, client_id: str, order_id: int | None = None
    ) -> OrderBody:
        """Cancel one order by our id, or by the exchange's when it is given."""
        return await self._caller.ask(
            "DELETE",
            "/fapi/v1/order",
            _order,
            _order_id(symbol, client_id, order_id),
            urgent=True,
        )

    async def cancel_algo(self, client_id: str) -> AlgoGone:
        """Cancel one conditional order by our id."""
        return await self._caller.ask(
            "DELETE",
            "/fapi/v1/algoOrder",
            _algo_gone,
            {"clientAlgoId": client_id},
            urgent=True,
        )

    async def cancel_all(self, symbol: str) -> CodeBody:
        """Cancel every open order of a symbol, conditional ones not."""
        return await self._caller.ask(
            "DELETE", "/fapi/v1/allOpenOrders", _code, {"symbol": symbol}, urgent=True
        )

    async def cancel_all_algo(self, symbol: str) -> CodeBody:
        """Cancel every conditional order of a symbol."""
        return await self._caller.ask(
            "DELETE", "/fapi/v1/algoOpenOrders", _code, {"symbol": symbol}, urgent=True
        )

    async def order(
        self, symbol: str, client_id: str, order_id: int | None = None
    ) -> OrderBody:
        """Return one order by our id, or the exchange's; -2013 when there is none."""
        return await self._caller.ask(
            "GET",
            "/fapi/v1/order",
            _order,
            _order_id(symbol, client_id, order_id),
            urgent=True,
        )

    async def algo_order(self, client_id: str) -> AlgoBody:
        """Return one conditional order by our id."""
        return await self._caller.ask(
            "GET",
            "/fapi/v1/algoOrder",
            _algo,
            {"clientAlgoId": client_id},
            urgent=True,
        )

    async def open_orders(self, symbol: str = "") -> tuple[OrderBody, ...]:
        """Return the open orders of a symbol, or of all."""
        return await self._caller.ask(
            "GET",
            "/fapi/v1/openOrders",
            _orders,
            _of(symbol),
            weight=1 if symbol else 40,
        )

    async def open_algo_orders(self, symbol: str = "") -> tuple[AlgoBody, ...]:
        """Return the conditional orders of a symbol, or of all."""
        return await self._caller.ask(
            "GET",
            "/fapi/v1/openAlgoOrders",
            _algos,
            _of(symbol),
            weight=1 if symbol else 40,
        )

    async def countdown(self, symbol: str, milliseconds: int) -> CountdownBody:
        """Cancel all of a symbol unless asked again in time; 0 disarms."""
        return await self._caller.ask(
            "POST",
            "/fapi/v1/countdownCancelAll",
            _countdown,
            {"symbol": symbol, "countdownTime": milliseconds},
            weight=10,
            urgent=True,
        )

    # -- the account ------------------------------------------------------------

    async def account(self) -> AccountBody:
        """Return totals and assets."""
        return await self._caller.ask("GET", "/fapi/v3/account", _account, {}, weight=5)

    async def account_config(self) -> AccountConfigBody:
        """Return what the account may do."""
        return await self._caller.ask(
            "GET", "/fapi/v1/accountConfig", _account_config, {}, weight=5
        )

    async def balances(self) -> tuple[BalanceBody, ...]:
        """Return the wallets."""
        return await self._caller.ask(
            "GET", "/fapi/v3/balance", _balances, {}, weight=5
        )

    async def positions(self, symbol: str = "") -> tuple[PositionBody, ...]:
        """Return positions; a symbol that is missing has none and no open order."""
        return await self._caller.ask(
            "GET", "/fapi/v3/positionRisk", _positions, _of(symbol), weight=5
        )

    async def symbol_configs(self, symbol: str = "") -> tuple[SymbolConfigBody, ...]:
        """Return leverage and margin type of a symbol, or of all."""
        return await self._caller.ask(
            "GET", "/fapi/v1/symbolConfig", _configs, _of(symbol), weight=5
        )

    async def hedge(self) -> bool:
        """Return whether the account is in hedge mode."""
        body = await self._caller.ask(
            "GET", "/fapi/v1/positionSide/dual", _position_mode, {}, weight=30
        )
        return body.dual_side_position

    async def trades(
        self, symbol: str, *, start: int, end: int, order_id: int | None = None
    ) -> tuple[TradeBody, ...]:
        """Return executions of at most seven days, oldest first, one page.

        Those of one order with its ``order_id``.
        """
        params: dict[str, Value] = {
            "symbol": symbol,
            "startTime": start,
            "endTime": end,
            "limit": PAGE,
        }
        if order_id is not None:
            params["orderId"] = order_id
        return await self._caller.ask(
            "GET", "/fapi/v1/userTrades", _trades, params, weight=5
        )

    async def incomes(self, *, start: int) -> tuple[IncomeBody, ...]:
        """Return what came and went since then, oldest first, one page."""
        return await self._caller.ask(
            "GET",
            "/fapi/v1/income",
            _incomes,
            {"startTime": start, "limit": PAGE},
            weight=30,
        )

    async def set_leverage(self, symbol: str, leverage: int) -> LeverageBody:
        """Set the leverage of a symbol."""
        return await self._caller.ask(
            "POST",
            "/fapi/v1/leverage",
            _leverage,
            {"symbol": symbol, "leverage": leverage},
        )

    async def set_margin_type(self, symbol: str, margin_type: str) -> CodeBody:
        """Set CROSSED or ISOLATED; -4046 when it is so already."""
        return await self._caller.ask(
            "POST",
            "/fapi/v1/marginType",
            _code,
            {"symbol": symbol, "marginType": margin_type},
        )

    async def set_hedge(self, *, hedge: bool) -> CodeBody:
        """Set hedge or one-way mode; -4059 when it is so already."""
        return await self._caller.ask(
            "POST", "/fapi/v1/positionSide/dual", _code, {"dualSidePosition": hedge}
        )

    # -- the key and the stream -------------------------------------------------

    async def key_restrictions(self) -> KeyBody:
        """Return what the key may do; a path of the spot host, so not on testnet."""
        return await self._spot_caller.ask(
            "GET", "/sapi/v1/account/apiRestrictions", _key, {}
        )

    async def open_listen_key(self) -> str:
        """Return the account's one listen key, good for 60 minutes from now."""
        body = await self._caller.ask("POST", "/fapi/v1/listenKey", _listen_key, None)
        if not body.listen_key:
            raise RestGarbled("/fapi/v1/listenKey: no key in the answer", 200)
        return body.listen_key

    async def keep_listen_key(self) -> str:
        """Make the live key last 60 minutes more; return it, "" when not told.

        -1125 when the account has none any more.
        """
        body = await self._caller.ask("PUT", "/fapi/v1/listenKey", _listen_key, None)
        return body.listen_key


def _of(symbol: str) -> Params:
    return {"symbol": symbol} if symbol else {}


def _order_id(symbol: str, client_id: str, order_id: int | None) -> Params:
    if order_id is not None:
        return {"symbol": symbol, "orderId": order_id}
    return {"symbol": symbol, "origClientOrderId": client_id}
