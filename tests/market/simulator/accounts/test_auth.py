"""Who may ask: keys, time, signatures."""

import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from tests.market.simulator.accounts.conftest import pem_trader

BALANCE = "/fapi/v3/balance"


def now(ahead=0):
    return int(time.time() * 1000) + ahead


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"key": "not a key"}, -2014),
        ({"key": "f" * 64}, -2015),
        ({"ahead": -10_000}, -1021),
        ({"ahead": 60_000}, -1021),
        ({"timestamp": "soon"}, -1130),
        ({"recvWindow": 60_001}, -1131),
        ({"signed": False}, -1102),
        ({"signed": False, "ahead": 0, "signature": "00"}, -1022),
    ],
)
async def test_a_request_that_is_not_the_accounts_own_is_refused(trader, given, code):
    asked = dict(given)
    if "ahead" in asked:
        asked["timestamp"] = now(asked.pop("ahead"))
    assert await trader.code("GET", BALANCE, **asked) == code


async def test_the_window_allows_an_older_timestamp(trader):
    rows = await trader.ok("GET", BALANCE, timestamp=now(-9_000), recvWindow=20_000)
    assert rows[0]["balance"] == "10000.00000000"


async def test_rsa_and_ed25519_signatures_are_verified(client):
    one = ed25519.Ed25519PrivateKey.generate()
    assert await pem_trader(client, one, one.sign).ok("GET", BALANCE)
    two = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    def signed(text):
        return two.sign(text, padding.PKCS1v15(), hashes.SHA256())

    assert await pem_trader(client, two, signed).ok("GET", BALANCE)
    assert await pem_trader(client, two, one.sign).code("GET", BALANCE) == -1022


async def test_a_key_without_the_right_to_trade_reads_but_places_nothing(client, side):
    from tests.market.simulator.accounts.conftest import trader_of

    reader = trader_of(client, can_trade=False)
    assert await reader.ok("GET", BALANCE)
    code = await reader.code(
        "POST",
        "/fapi/v1/order",
        symbol="BTCUSDT",
        side="BUY",
        type="MARKET",
        quantity="0.01",
    )
    assert code == -2015
    told = await reader.ok("GET", "/sapi/v1/account/apiRestrictions")
    assert (told["enableFutures"], told["enableWithdrawals"]) == (False, False)
