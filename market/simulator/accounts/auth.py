"""Who asks: API key, time window and signature of a request, as the exchange checks."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from market.simulator.accounts.records import Account
from market.simulator.errors import ApiError, missing, out_of_range

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
AHEAD_MS = 1_000
KEY_CHARACTERS = 64


def account_of(accounts: Mapping[str, Account], key: str | None) -> Account:
    """The account of an API key. Raises ApiError."""
    if not key or not key.isascii() or not key.isalnum():
        raise ApiError(-2014, "API-key format invalid.", status=401)
    account = accounts.get(key)
    if account is None:
        raise ApiError(
            -2015, "Invalid API-key, IP, or permissions for action.", status=401
        )
    return account


def check_time(parameters: Mapping[str, str], shown_ms: int) -> None:
    """The request must be recent by the exchange's clock. Raises ApiError."""
    stamp = _number(parameters, "timestamp")
    if stamp is None:
        raise missing("timestamp")
    window = _number(parameters, "recvWindow")
    if window is None:
        window = DEFAULT_WINDOW_MS
    if not 0 < window <= LONGEST_WINDOW_MS:
        raise ApiError(-1131, "recvWindow must be less than 60000")
    if stamp >= shown_ms + AHEAD_MS:
        raise ApiError(
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        )
    if shown_ms - stamp > window:
        raise ApiError(
            -1021, "Timestamp for this request is outside of the recvWindow."
        )


def check_signature(account: Account, query: str, body: str) -> None:
    """The signed text is query and body without the signature. Raises ApiError."""
    signature = None
    parts = []
    for text in (query, body):
        kept = []
        for part in text.split("&") if text else []:
            if part.startswith("signature="):
                signature = dict(parse_qsl(part)).get("signature", "")
            else:
                kept.append(part)
        parts.append("&".join(kept))
    if not signature:
        raise missing("signature")
    if not _verified(account.secret, "".join(parts).encode(), signature):
        raise ApiError(-1022, "Signature for this request is not valid.")


def _verified(secret: str, text: bytes, signature: str) -> bool:
    if not secret.startswith("-----BEGIN"):
        right = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right, signature.lower())
    key = serialization.load_pem_public_key(secret.encode())
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(raw, text)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, text, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _number(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None or text == "":
        return None
    if not text.isdigit():
        raise out_of_range(name)
    return int(text)
