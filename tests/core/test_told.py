"""Sentences of the server in another language, alone, joined, and within each other."""

import pytest
from django.utils import translation

from core.told import Sentences, field_name, told

DUTCH = Sentences(
    {
        "forms": {
            "{name}: {rest}": "{name} - {rest}",
            "{sentence} ({cause})": "{sentence} [{cause}]",
            "; ": " / ",
        },
        "fields": {"quantity": "hoeveelheid"},
        "words": {"new": "nieuw"},
        "orders": {
            "{field}: {value} is refused: {rule}": "{field} {value} kan niet: {rule}",
            "must be {least} or more; or none": "minstens {least}, of niets",
            "must be {least} or more": "minstens {least}",
            "there is no price of {symbol}": "geen prijs van {symbol}",
            "order {n} is {state}": "order {n} is {state}, zo staat het er",
            "because: {why}": "want {why}",
            "no message (yet)": "nog geen bericht",
        },
    }
)


@pytest.mark.parametrize(
    ("english", "own"),
    [
        ("must be 3 or more", "minstens 3"),
        ("must be 3 or more; or none", "minstens 3, of niets"),
        (
            "quantity: 2 is refused: must be 3 or more",
            "hoeveelheid 2 kan niet: minstens 3",
        ),
        ("price: 2 is refused: must be 3 or more", "price 2 kan niet: minstens 3"),
        ("order 7 is new", "order 7 is nieuw, zo staat het er"),
        (
            "there is no price of BTC; must be 3 or more; or none; must be 4 or more",
            "geen prijs van BTC / minstens 3, of niets / minstens 4",
        ),
        ("main: there is no price of BTC", "main - geen prijs van BTC"),
        (
            "main: must be 3 or more; or none; there is no price of BTC",
            "main - minstens 3, of niets / geen prijs van BTC",
        ),
        ("because: must be 3 or more; unheard of", "want minstens 3 / unheard of"),
        ("must be 3 or more (OSError: 5)", "minstens 3 [OSError: 5]"),
        ("no message (yet)", "nog geen bericht"),
        ("there is no price of BTC\nof all", "geen prijs van BTC\nof all"),
        ("nobody knows: this", "nobody knows: this"),
        ("nobody; knows (this)", "nobody; knows (this)"),
        ("order seven is new", "order seven is new"),
        ("", ""),
    ],
)
def test_a_sentence_is_found_with_what_is_in_it(english, own):
    assert DUTCH.told(english) == own


def test_a_request_in_chinese_is_told_in_chinese_and_one_in_english_in_english():
    refused = "quantity: 2 is refused: must be a multiple of 0.5"
    with translation.override("zh-hans"):
        assert told(refused) == "数量：不接受 2，必须是 0.5 的整数倍"
        assert field_name("leverage") == "杠杆"
    with translation.override("en"):
        assert told(refused) == refused
        assert field_name("leverage") == "leverage"
