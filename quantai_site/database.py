"""From ``DATABASE_URL`` to Django's database settings."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from quantai_site.site_settings import SiteSettings

# Writers wait for each other instead of failing at once: see docs/architecture.md.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 5,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=5000;"
    ),
}


def database_settings(site: SiteSettings) -> dict[str, Any]:
    """SQLite in ``var`` by default, else what the URL says."""
    url = site.database_url
    if not url:
        return sqlite(str(site.var / "quantai.sqlite3"))
    if url.startswith("sqlite://"):
        # sqlite:////absolute/path, sqlite:///relative/path
        return sqlite(unquote(urlsplit(url).path).removeprefix("/"))
    return postgres(url)


def sqlite(name: str) -> dict[str, Any]:
    """``name`` is a path."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": dict(SQLITE_OPTIONS),
    }


def postgres(url: str) -> dict[str, Any]:
    """``?host=/folder`` names a socket folder; other parameters go to libpq."""
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    port = options.pop("port", "") or parts.port or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
