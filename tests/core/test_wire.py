import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats()
    | st.text()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refuse(name):
    raise AssertionError(f"browsers refuse {name}")


@given(PLAIN)
def test_whatever_is_encoded_browsers_can_read(value):
    json.loads(wire.encode(value), parse_constant=refuse)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Decimal("NaN")])
def test_a_number_that_is_not_finite_becomes_null(value):
    assert wire.encode({"p": value}) == b'{"p":null}'


def test_decimals_keep_every_digit_as_text():
    value = Decimal("0.10000000000000000001000")
    assert wire.decode(wire.encode(value)) == "0.10000000000000000001000"


def test_sets_become_sorted_lists():
    assert wire.encode({"b", "a", "c"}) == b'["a","b","c"]'


def test_a_type_without_a_wire_form_is_refused():
    with pytest.raises(TypeError):
        wire.encode(object())


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", '{"a":}'])
def test_what_is_no_json_is_a_value_error(raw):
    with pytest.raises(ValueError, match=r"\S"):
        wire.decode(raw)
