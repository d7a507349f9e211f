"""The text of API tokens."""

import hashlib
import secrets

BYTES = 32
PREFIX_LENGTH = 8


def generate() -> str:
    """A new token: 256 random bits, safe in a header."""
    return secrets.token_urlsafe(BYTES)


def digest(text: str) -> str:
    """What is stored of a token; random bits need no salt and no slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()
