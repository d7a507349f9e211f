"""Signatures of private requests."""

import base64
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from market.binance.signing import BadKey, HmacSigner, signed_query, signer_for

# The exchange's documented example; it opens nothing.
DOCUMENTED = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
TEXT = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
    "&recvWindow=5000&timestamp=1591702613943"
)


def pem(key, password=None):
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    ).decode()


def test_the_documented_example_has_the_documented_signature():
    assert HmacSigner(DOCUMENTED).sign(TEXT) == (
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    )


def test_a_signed_query_ends_with_the_signature_of_everything_before_it():
    signer = signer_for(DOCUMENTED)
    query = signed_query(
        {"symbol": "BTCUSDT", "side": "BUY"}, signer=signer, timestamp_ms=1591702613943
    )
    text, _, signature = query.rpartition("&signature=")
    assert text == "symbol=BTCUSDT&side=BUY&recvWindow=5000&timestamp=1591702613943"
    assert signature == signer.sign(text)


def test_an_ed25519_key_signs_what_its_public_half_verifies():
    key = ed25519.Ed25519PrivateKey.generate()
    query = signed_query(
        {"symbol": "BTCUSDT"}, signer=signer_for(pem(key)), timestamp_ms=1
    )
    text, _, _ = query.rpartition("&signature=")
    (signature,) = parse_qs(query)["signature"]
    key.public_key().verify(base64.b64decode(signature), text.encode())


def test_an_rsa_key_with_a_passphrase_signs_with_pkcs1_and_sha256():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = signer_for(pem(key, b"open"), passphrase="open")
    key.public_key().verify(
        base64.b64decode(signer.sign(TEXT)),
        TEXT.encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


def test_a_wrong_passphrase_is_refused_without_telling_the_key():
    key = ed25519.Ed25519PrivateKey.generate()
    text = pem(key, b"open")
    with pytest.raises(BadKey) as caught:
        signer_for(text, passphrase="shut")
    assert text.splitlines()[1] not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "secret",
    ["", "  ", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"],
)
def test_what_is_no_key_is_refused(secret):
    with pytest.raises(BadKey):
        signer_for(secret)


def test_other_kinds_of_keys_are_named_and_refused():
    with pytest.raises(BadKey, match="no RSA or Ed25519"):
        signer_for(pem(ec.generate_private_key(ec.SECP256R1())))
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(BadKey, match="2048 bits"):
        signer_for(pem(small))


@pytest.mark.parametrize("window", [0, 60_001])
def test_a_window_that_the_exchange_refuses_is_refused_here(window):
    with pytest.raises(ValueError, match="recvWindow"):
        signed_query({}, signer=HmacSigner("x"), timestamp_ms=1, recv_window_ms=window)
