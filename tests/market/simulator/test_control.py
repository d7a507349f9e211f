import json

import pytest

from market.simulator.control import answer
from market.simulator.hub import Hub
from market.simulator.streams import Route
from tests.market.simulator.stage import MemoryTransport


@pytest.fixture
def hub():
    return Hub({"BTCUSDT": 0, "ETHUSDT": 1}, buffer_limit=1_000_000)


@pytest.fixture
def say(hub):
    connection = hub.open(
        Route.PUBLIC, MemoryTransport(), combined=False, opened_at=0.0
    )

    def say(message, limit=1024):
        text = message if isinstance(message, str) else json.dumps(message)
        return json.loads(answer(hub, connection, text, stream_limit=limit))

    return say


@pytest.mark.parametrize("number", [1, 2**62, "a-b-c", None])
def test_any_kind_of_id_comes_back(say, number):
    assert say({"method": "SUBSCRIBE", "params": [], "id": number}) == {
        "result": None,
        "id": number,
    }


def test_subscriptions_are_listed_and_double_ones_are_one(say):
    names = ["btcusdt@bookTicker", "btcusdt@bookTicker", "nonsense", "BTCUSDT@depth"]
    assert say({"method": "SUBSCRIBE", "params": names, "id": 1})["result"] is None
    say({"method": "SUBSCRIBE", "params": names[:1], "id": 2})
    listed = say({"method": "LIST_SUBSCRIPTIONS", "id": 3})["result"]
    assert listed == ["btcusdt@bookTicker", "nonsense", "BTCUSDT@depth"]
    say({"method": "UNSUBSCRIBE", "params": ["nonsense", "never"], "id": 4})
    listed = say({"method": "LIST_SUBSCRIPTIONS", "id": 5})["result"]
    assert listed == ["btcusdt@bookTicker", "BTCUSDT@depth"]


def test_only_streams_of_the_class_get_listeners(say, hub):
    say({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1})
    assert hub.version == 0
    say({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 2})
    assert hub.version == 1


def test_combined_is_a_property(say):
    ask = {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}
    assert say(ask) == {"result": False, "id": 1}
    say({"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
    assert say(ask) == {"result": True, "id": 1}


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ("no json", 3, "Invalid JSON: expected value at line 1 column 1"),
        ({"id": 1}, 2, "Invalid request: missing field `method` at line 1 column 9"),
        (
            {"method": "NOT_A_METHOD", "id": 1},
            2,
            "Invalid request: unknown variant `NOT_A_METHOD`, expected one of "
            "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, "
            "`GET_PROPERTY`",
        ),
        (
            {"method": "SUBSCRIBE", "params": [], "id": 1.5},
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
        (
            {"method": "SET_PROPERTY", "params": [1, True], "id": 1},
            2,
            "Invalid request: property name must be a string",
        ),
        (
            {"method": "SET_PROPERTY", "params": ["combined", True, 1], "id": 1},
            2,
            "Invalid request: too many parameters",
        ),
        (
            {"method": "SET_PROPERTY", "params": ["color", True], "id": 1},
            0,
            "Unknown property",
        ),
        (
            {"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1},
            1,
            "Invalid value type: expected Boolean",
        ),
    ],
)
def test_bad_messages_get_the_documented_error(say, message, code, text):
    reply = say(message)
    assert reply["error"] == {"code": code, "msg": text}
    assert "id" in reply


def test_a_bad_params_type_is_an_error(say):
    for params in (None, "btcusdt@trade", [1]):
        reply = say({"method": "SUBSCRIBE", "params": params, "id": 9})
        assert reply["error"]["code"] == 2
        assert reply["id"] == 9


def test_more_streams_than_allowed_are_refused(say):
    names = [f"x{number}@trade" for number in range(4)]
    reply = say({"method": "SUBSCRIBE", "params": names, "id": 1}, limit=3)
    assert reply["error"] == {"code": 4, "msg": "Too many subscriptions"}
    assert say({"method": "LIST_SUBSCRIPTIONS", "id": 2})["result"] == []
