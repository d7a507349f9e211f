"""Certificates that a client must refuse, and a TLS version that it must not speak."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from market.simulator.tls import (
    Authority,
    TlsFiles,
    ensure_tls,
    issue_certificate,
)

_OTHER_HOSTS: Final = ("somewhere-else.example",)
_DAYS: Final = 30


def bad_context(folder: Path, shape: str) -> ssl.SSLContext:
    """``expired``, ``wrong_host``, ``unknown_ca`` or ``tls11``; files in the folder."""
    if shape == "tls11":
        return _old_version(ensure_tls(folder))
    if shape == "unknown_ca":
        return ensure_tls(folder / "unknown_ca").server_context()
    authority = Authority.load(folder)
    files = TlsFiles(
        folder / "ca.pem", folder / f"{shape}.pem", folder / f"{shape}.key"
    )
    now = datetime.now(UTC)
    if shape == "expired":
        issue_certificate(files, authority, now - timedelta(days=30), days=10)
    else:
        issue_certificate(
            files, authority, now, days=_DAYS, names=_OTHER_HOSTS, addresses=()
        )
    return files.server_context()


def _old_version(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(files.certificate, files.key)
    return context
