"""Signatures of private requests: HMAC-SHA256, RSA and Ed25519.

The signed text is the query string followed by the body, joined without ``&``. Source:
Binance USD-M futures REST documentation, "SIGNED endpoint security".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

MAX_RECV_WINDOW_MS = 60_000
MIN_RSA_BITS = 2048


class BadKey(ValueError):
    """A secret that no signer understands; its text is never in the message."""


class Signer(Protocol):
    """Signs the text of one request."""

    def sign(self, text: str) -> str:
        """Return the signature as it stands in the request, before URL-encoding."""


class HmacSigner:
    """HMAC-SHA256 as lower-case hex."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


class RsaSigner:
    """RSA PKCS#1 v1.5 with SHA-256, as base64."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def sign(self, text: str) -> str:
        raw = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(raw).decode()


class Ed25519Signer:
    """Ed25519, as base64."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode())).decode()


def signer_for(secret: str, *, passphrase: str = "") -> Signer:
    """Return the signer that a secret is for: a PEM private key, else an HMAC secret.

    Raises ``BadKey`` without telling the secret.
    """
    secret = secret.strip()
    if not secret:
        raise BadKey("the secret is empty")
    if not secret.startswith("-----BEGIN"):
        return HmacSigner(secret)
    password = passphrase.encode() if passphrase else None
    try:
        key = serialization.load_pem_private_key(secret.encode(), password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The parser's words may quote the key.
        raise BadKey(
            f"the private key cannot be read ({type(error).__name__}); it must be PEM, "
            "with the passphrase when it has one"
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(key)
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise BadKey(
                f"an RSA key needs {MIN_RSA_BITS} bits, this has {key.key_size}"
            )
        return RsaSigner(key)
    raise BadKey(f"a {type(key).__name__} is no RSA or Ed25519 key")


def signed_query(
    parameters: Mapping[str, str | int],
    *,
    signer: Signer,
    timestamp_ms: int,
    recv_window_ms: int = 5_000,
) -> str:
    """Return the query string with timestamp, window and, last, the signature.

    Raises ``ValueError`` for a window the exchange refuses (-1131).
    """
    if not 0 < recv_window_ms <= MAX_RECV_WINDOW_MS:
        raise ValueError(f"recvWindow must be 1 to {MAX_RECV_WINDOW_MS} ms")
    whole = {**parameters, "recvWindow": recv_window_ms, "timestamp": timestamp_ms}
    text = urlencode(whole)
    return f"{text}&{urlencode({'signature': signer.sign(text)})}"
