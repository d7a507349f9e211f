"""Whether the site is alive and ready, for machines; no login."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from core import redis as core_redis
from core import snapshot, wire
from quantai_site.preparation import migrations_missing

FEED_SECONDS = 15.0


class NotReady(Exception):
    """One part is not ready; says why."""


@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part that pages need is there; 503 names the ones that are not."""
    parts = {name: _outcome(check) for name, check in CHECKS.items()}
    ready = all(said == "ok" for said in parts.values())
    body = {"status": "ready" if ready else "not ready", "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as reason:
        return str(reason)
    return "ok"


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise NotReady(f"unreachable: {type(error).__name__}") from error


def _migrations() -> None:
    try:
        missing = migrations_missing()
    except DatabaseError as error:
        raise NotReady("unknown: the database is unreachable") from error
    if missing:
        raise NotReady(f"{missing} migrations missing")


def _redis() -> None:
    client = core_redis.sync_client()
    try:
        client.ping()
    except core_redis.UNAVAILABLE as error:
        raise NotReady(f"unreachable: {type(error).__name__}") from error
    finally:
        client.close()


def _feed() -> None:
    client = core_redis.sync_client()
    try:
        raw = snapshot.read_one(client, settings.QUANTAI.site.exchange, "feed", "feed")
    except core_redis.UNAVAILABLE as error:
        raise NotReady("unknown: Redis is unreachable") from error
    finally:
        client.close()
    if raw is None:
        raise NotReady("has not reported yet")
    age = time.time() - wire.decode(raw)["at"] / 1000
    if age > FEED_SECONDS:
        raise NotReady(f"silent for {age:.0f} s")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "feed": _feed,
}
