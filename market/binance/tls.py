"""The TLS policy: 1.2 or newer, chain and host verified, AEAD with forward secrecy.

There is deliberately no way to switch verification off.
"""

import ssl
from typing import Any

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def context(ca_file: str = "") -> ssl.SSLContext:
    """Return a client context; ``ca_file`` replaces the system's authorities.

    Raises ``FileNotFoundError`` or ``ssl.SSLError`` naming an unusable file.
    """
    made = ssl.create_default_context(cafile=ca_file or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    return made


def describe(ssl_object: Any) -> dict[str, str] | None:
    """Return version and cipher of an open session, or None without TLS."""
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher()
    return {
        "version": ssl_object.version() or "",
        "cipher": cipher[0] if cipher else "",
    }
