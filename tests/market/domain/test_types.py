"""Values of the market are frozen, comparable and cheap to copy and encode."""

from typing import get_args

import msgspec
import pytest

from market.domain import types, user_events
from market.domain.types import Candle, Quote


@pytest.mark.parametrize(
    "kind", [*get_args(types.MarketEvent), *get_args(user_events.UserEvent)]
)
def test_every_value_is_frozen_and_says_what_it_is(kind):
    assert kind.__struct_config__.frozen
    assert kind.__doc__


def test_values_compare_by_content_and_refuse_changes():
    quote = Quote("B", 1.0, 2.0, 3.0, 4.0, 5, 6, 7)
    assert quote == Quote("B", 1.0, 2.0, 3.0, 4.0, 5, 6, 7)
    assert hash(quote) == hash(Quote("B", 1.0, 2.0, 3.0, 4.0, 5, 6, 7))
    with pytest.raises(AttributeError):
        quote.bid = 2.0


def test_a_candle_survives_a_round_trip_through_json():
    candle = Candle("B", "1m", 0, 59_999, 1, 2, 0.5, 1.5, 9, 9, 3, 4, 4, True, 60_000)
    assert msgspec.json.decode(msgspec.json.encode(candle), type=Candle) == candle
