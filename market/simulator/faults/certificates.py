"""Certificates that a client must refuse."""

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
    """``expired``, ``wrong_host`` or ``unknown_ca``; files in the folder."""
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
