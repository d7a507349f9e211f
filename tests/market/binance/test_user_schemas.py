"""Messages about an account become exact values."""

import json
from decimal import Decimal

import pytest

from market.binance.decode import DecodeFailure, decode
from market.domain.user_events import (
    AlgoUpdate,
    BalanceChange,
    ConditionalReject,
    LeverageChange,
    ListenKeyExpired,
    MarginCall,
    MultiAssetsChange,
    OrderUpdate,
    StrategyUpdate,
    TradeLite,
)
from tests.payloads import CAPTURES, golden_frames, needs_captures

GOLDEN = golden_frames()
ORDER = {
    "s": "ETHUSDC", "c": "web_1", "S": "BUY", "o": "MARKET", "f": "GTC", "q": "0.02",
    "p": "0", "ap": "2317.3", "sp": "0", "x": "TRADE", "X": "FILLED",
    "i": 8389765512345678901, "l": "0.02", "z": "0.02", "L": "2317.3", "N": "USDC",
    "n": "0.018", "T": 7, "t": 702423109, "b": "0", "a": "0", "m": False, "R": False,
    "wt": "CONTRACT_PRICE", "ot": "MARKET", "ps": "BOTH", "cp": False, "rp": "0",
    "pP": False, "si": 0, "ss": 0, "V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0,
    "er": "0", "newKey": 1,
}  # fmt: skip


def one(message):
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    decoded = decode(raw)
    assert not isinstance(decoded, DecodeFailure), decoded
    (event,) = decoded
    return event


def test_an_order_update_is_exact_and_keeps_nineteen_digit_ids():
    update = one({"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 8, "o": ORDER})
    assert isinstance(update, OrderUpdate)
    assert update.order_id == 8389765512345678901
    assert (update.execution, update.status) == ("TRADE", "FILLED")
    assert update.filled_quantity == Decimal("0.02")
    assert update.commission == Decimal("0.018")
    assert (update.order_time, update.time, update.event_time) == (7, 8, 9)


def test_an_order_update_comes_enveloped_by_its_listen_key_or_by_the_api():
    bare = {"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 8, "o": ORDER}
    assert one({"stream": "k" * 64, "data": bare}) == one(bare)
    assert one({"subscriptionId": 0, "event": bare}) == one(bare)


def test_a_new_order_has_no_commission_asset():
    new = ORDER | {"x": "NEW", "X": "NEW", "N": None, "er": 0}
    del new["n"]
    update = one({"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 8, "o": new})
    assert (update.commission_asset, update.commission) == ("", Decimal(0))
    assert update.expire_reason == "0"


def test_padded_and_trimmed_amounts_are_the_same_amount():
    lite = one(GOLDEN[6])
    assert isinstance(lite, TradeLite)
    assert lite.quantity == Decimal("0.02")
    assert (lite.order_id, lite.trade_id) == (58846581664, 702423109)


def test_an_account_update_lists_what_changed():
    update = one(GOLDEN[7])
    assert update.reason == "ORDER"
    assert update.balances == (
        BalanceChange(
            "USDC", Decimal("37.87866827"), Decimal("37.87866827"), Decimal(0)
        ),
    )
    (position,) = update.positions
    assert (position.symbol, position.side) == ("ETHUSDC", "BOTH")
    assert position.quantity == Decimal("0.02")
    assert position.break_even_price == Decimal("2317.3")


def test_a_funding_fee_has_no_positions():
    update = one(
        {
            "e": "ACCOUNT_UPDATE", "E": 2, "T": 1,
            "a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1"}]},
        }
    )  # fmt: skip
    assert (update.reason, update.positions) == ("FUNDING_FEE", ())


def test_a_margin_call_names_the_positions():
    call = one(
        {
            "e": "MARGIN_CALL", "E": 2, "cw": "3.16",
            "p": [{"s": "ETHUSDT", "ps": "LONG", "pa": "1.3", "mt": "CROSSED",
                   "iw": "0", "mp": "187.17", "up": "-1.16", "mm": "1.61"}],
        }
    )  # fmt: skip
    assert isinstance(call, MarginCall)
    assert call.cross_wallet == Decimal("3.16")
    assert call.positions[0].unrealized == Decimal("-1.16")


def test_account_settings_rejects_strategies_and_the_dead_key():
    config = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 2, "T": 1}
    leverage = one(config | {"ac": {"s": "BTCUSDT", "l": 25}})
    assert leverage == LeverageChange("BTCUSDT", 25, 1, 2)
    assert one(config | {"ai": {"j": True}}) == MultiAssetsChange(True, 1, 2)
    assert isinstance(decode(json.dumps(config).encode()), DecodeFailure)
    reject = one(
        {
            "e": "CONDITIONAL_ORDER_TRIGGER_REJECT", "E": 2, "T": 1,
            "or": {"s": "ETHUSDT", "i": 155618472834, "r": "Due to the order"},
        }
    )  # fmt: skip
    assert reject == ConditionalReject(
        "ETHUSDT", 155618472834, "Due to the order", 1, 2
    )
    state = {"si": 176057039, "st": "GRID", "ss": "NEW", "s": "BTCUSDT"}
    strategy = one({"e": "STRATEGY_UPDATE", "E": 2, "T": 1, "su": state})
    assert (strategy.kind, strategy.status) == ("strategy", "NEW")
    grid = one({"e": "GRID_UPDATE", "E": 2, "T": 1, "gu": state | {"r": "-0.003"}})
    assert grid == StrategyUpdate(
        "grid", 176057039, "GRID", "NEW", "BTCUSDT", Decimal("-0.003"), 1, 2
    )
    dead = one({"e": "listenKeyExpired", "E": 2, "listenKey": "abc"})
    assert dead == ListenKeyExpired("abc", 2)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "", "1,5"])
def test_amounts_that_are_no_numbers_are_refused(amount):
    order = ORDER | {"z": amount}
    raw = json.dumps({"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 8, "o": order}).encode()
    assert isinstance(decode(raw), DecodeFailure)


@needs_captures
def test_a_conditional_order_lives_from_triggering_to_finished():
    path = CAPTURES / "user-data" / "usdm_algo_update_20251211.jsonl"
    updates = [one(line) for line in path.read_bytes().splitlines()]
    assert all(isinstance(update, AlgoUpdate) for update in updates)
    assert [u.status for u in updates] == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert [u.child_order_id for u in updates] == ["", "88937381063", "88937381063"]
    assert updates[2].average_price == Decimal("0.13856")
