"""Checks of database, master keys and Redis."""

from django.db import DatabaseError, connection

from accounts.keys import MasterKeyProblem, check_master_key
from accounts.models import KeyCanary
from core import redis as core_redis
from quantai_site.config import Config
from quantai_site.config_sources import held
from quantai_site.doctor.findings import Finding, fail, ok, warn
from quantai_site.preparation import migrations_missing


def check_database(config: Config) -> Finding:
    kind = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    try:
        missing = migrations_missing()
    except DatabaseError as error:
        return fail("database", f"{kind}: {error}".strip(), "look at DATABASE_URL")
    if missing:
        return warn(
            "database",
            f"{kind}: {missing} migrations missing",
            "./quantai up applies them (or ./quantai manage migrate)",
        )
    if config.site.production and kind == "SQLite":
        return warn("database", "SQLite in production", "set DATABASE_URL")
    return ok("database", f"{kind}, all migrations applied")


def check_master_keys() -> Finding:
    try:
        if not KeyCanary.objects.exists():
            return ok("master key", "is made at the first start")
        check_master_key()
    except MasterKeyProblem as error:
        return fail("master key", str(error), "see docs/accounts.md")
    except DatabaseError:
        advice = "./quantai manage migrate"
        return warn("master key", "not checked: the database is not ready", advice)
    return ok("master key", "reads the stored secrets; keep a copy elsewhere")


def check_redis(config: Config) -> Finding:
    where = "embedded" if config.redis_is_embedded else "REDIS_URL"
    client = core_redis.sync_client()
    try:
        client.ping()
    except core_redis.UNAVAILABLE as error:
        if config.redis_is_embedded and not held(config.site.run_dir / "lock"):
            return ok("redis", "embedded, starts with ./quantai up")
        return fail("redis", f"{where}: {error}", "look at REDIS_URL and its server")
    finally:
        client.close()
    if config.site.production and config.redis_is_embedded:
        return warn("redis", "embedded server in production", "set REDIS_URL")
    return ok("redis", f"{where}, answers")
