"""Alerts: any process raises and resolves them, pages and REST show them.

An alert is one row per key until it is resolved: raising it again counts, and keeps the
highest severity. While the database is away raised alerts wait in Redis (the newest
``WAITING_KEPT``) and are stored by the next process that can.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone

from core import push, wire
from core import redis as core_redis
from core.errors import Permanent
from core.models import Alert, AlertState, Severity

log = logging.getLogger(__name__)

TOPIC = "alerts"
WAITING = core_redis.key("alerts", "waiting")
WAITING_KEPT = 500
TITLE_LIMIT = 200
TEXT_LIMIT = 4_000
LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
    Severity.CRITICAL: logging.CRITICAL,
}
DATABASE_AWAY = (OperationalError, InterfaceError)
# Another process may store or resolve the same key between two of our statements.
TRIES = 10


# -- writes ---------------------------------------------------------------------


def alert_raise(
    *,
    key: str,
    severity: Severity | str,
    source: str,
    title: str,
    text: str,
    advice: str = "",
    venue: str = "",
    now: datetime | None = None,
) -> int | None:
    """Raise an alert and return its row's id; None when the database is away.

    Never raises for a database or Redis that is away: the log line is always written.
    Raising an acknowledged alert with a higher severity opens it again.
    """
    severity = Severity(severity)
    log.log(LEVELS[severity], "🚨 告警触发: %s - %s - %s", source, severity, title)
    alert = {
        "key": key,
        "venue": venue,
        "severity": severity.value,
        "source": source,
        "title": title[:TITLE_LIMIT],
        "text": text[:TEXT_LIMIT],
        "advice": advice[:TEXT_LIMIT],
    }
    at = now or timezone.now()
    try:
        number = _store(alert, at)
    except DATABASE_AWAY as error:
        log.error("alert %s cannot be stored now: %s", key, error)
        _keep_waiting(alert, at)
        return None
    alerts_store_waiting()
    return number


def alert_resolve(
    key: str, *, quiet_since: datetime | None = None, now: datetime | None = None
) -> bool:
    """Resolve the alert of ``key`` and return whether there was one.

    With ``quiet_since``: only if it was last raised before that. A database that is away
    is logged, and the alert stays until the next call.
    """
    return alerts_resolve([key], quiet_since=quiet_since, now=now) > 0


def alerts_resolve(
    keys: Iterable[str],
    *,
    quiet_since: datetime | None = None,
    now: datetime | None = None,
) -> int:
    """Resolve the alerts of these keys and return how many there were."""
    at = now or timezone.now()
    rows = _unresolved().filter(key__in=list(keys))
    if quiet_since is not None:
        rows = rows.filter(last_at__lt=quiet_since)
    try:
        with transaction.atomic():
            return sum(
                _resolve(number, at) for number in rows.values_list("id", flat=True)
            )
    except DATABASE_AWAY as error:
        log.error("alerts cannot be resolved now: %s", error)
        return 0


def alert_acknowledge(
    alert_id: int, actor: str, *, now: datetime | None = None
) -> dict[str, Any]:
    """Note that ``actor`` knows of the alert and return it; twice changes nothing.

    Raises ``Alert.DoesNotExist``, and ``Permanent`` when it is resolved already.
    """
    with transaction.atomic():
        changed = Alert.objects.filter(id=alert_id, state=AlertState.OPEN).update(
            state=AlertState.ACKNOWLEDGED,
            acknowledged_by=actor,
            acknowledged_at=now or timezone.now(),
            revision=F("revision") + 1,
        )
        alert = Alert.objects.get(id=alert_id)
        if changed:
            _tell(alert)
            log.info("alert %s acknowledged by %s", alert.key, actor)
    if alert.state == AlertState.RESOLVED:
        raise Permanent(f"alert {alert_id} is resolved already")
    return alert.as_dict()


def alerts_store_waiting() -> int:
    """Store the alerts that waited for the database and return how many.

    An alert that cannot be stored after all goes back to its place.
    """
    stored = 0
    try:
        with core_redis.sync_client() as redis:
            while (raw := cast(bytes | None, redis.lpop(WAITING))) is not None:
                waited = wire.decode(raw)
                at = datetime.fromtimestamp(waited.pop("at"), tz=UTC)
                try:
                    _store(waited, at)
                except DATABASE_AWAY:
                    redis.lpush(WAITING, raw)
                    return stored
                stored += 1
    except core_redis.UNAVAILABLE as error:
        log.debug("no look at waiting alerts: %s", error)
    if stored:
        log.info("%d alerts stored that waited for the database", stored)
    return stored


def _store(alert: dict[str, Any], at: datetime) -> int:
    """Count the unresolved row of the key, or make it; one of them always succeeds."""
    with transaction.atomic():
        for _ in range(TRIES):
            if _count_again(alert, at):
                row = _unresolved().filter(key=alert["key"]).first()
                if row is None:
                    continue
            else:
                try:
                    with transaction.atomic():
                        row = Alert.objects.create(**alert, first_at=at, last_at=at)
                except IntegrityError:
                    continue  # another process was quicker: count its row
            _tell(row)
            return row.id
    raise OperationalError(f"alert {alert['key']} changes too quickly")


def _count_again(alert: dict[str, Any], at: datetime) -> bool:
    severity = Severity(alert["severity"])
    higher = Q(severity__in=severity.below)
    changed = (
        _unresolved()
        .filter(key=alert["key"])
        .update(
            count=F("count") + 1,
            revision=F("revision") + 1,
            # One that waited for the database is older than what was stored since.
            last_at=Greatest(F("last_at"), Value(at)),
            title=alert["title"],
            text=alert["text"],
            advice=alert["advice"],
            severity=Case(
                When(higher, then=Value(severity.value)), default=F("severity")
            ),
            state=Case(
                When(higher, then=Value(AlertState.OPEN.value)), default=F("state")
            ),
        )
    )
    return changed == 1


def _resolve(alert_id: int, at: datetime) -> bool:
    changed = (
        _unresolved()
        .filter(id=alert_id)
        .update(state=AlertState.RESOLVED, resolved_at=at, revision=F("revision") + 1)
    )
    if not changed:
        return False
    alert = Alert.objects.get(id=alert_id)
    _tell(alert)
    log.info("alert resolved: %s (%s)", alert, alert.key)
    return True


def _tell(alert: Alert) -> None:
    item = push_item(alert)
    push.queue_on_commit(TOPIC, [(str(item["id"]), wire.encode(item))])


def push_item(alert: Alert) -> dict[str, Any]:
    """Return the change of a row as the topic carries it: one item per revision."""
    row = alert.as_dict()
    return {"id": f"{alert.id}.{alert.revision}", "at": row["last_at"], "alert": row}


def _keep_waiting(alert: dict[str, Any], at: datetime) -> None:
    try:
        with core_redis.sync_client() as redis, redis.pipeline() as pipeline:
            pipeline.rpush(WAITING, wire.encode({**alert, "at": at.timestamp()}))
            pipeline.ltrim(WAITING, -WAITING_KEPT, -1)
            pipeline.execute()
    except core_redis.UNAVAILABLE as error:
        log.error("alert %s stays in the log alone: %s", alert["key"], error)


# -- reads ----------------------------------------------------------------------


def _unresolved() -> QuerySet[Alert]:
    return Alert.objects.exclude(state=AlertState.RESOLVED)


def _of_venue(venue: str) -> QuerySet[Alert]:
    return Alert.objects.filter(venue__in=["", venue])


def alerts(
    *,
    venue: str,
    state: str = "",
    severity: str = "",
    after: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return alerts of the installation and of ``venue``, newest first.

    ``after`` is the id of the last row seen: older ones follow.
    """
    rows = _of_venue(venue).order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if severity:
        rows = rows.filter(severity=severity)
    if after is not None:
        rows = rows.filter(id__lt=after)
    return [row.as_dict() for row in rows[:limit]]


def alert_totals(*, venue: str) -> dict[str, int]:
    """Return how many alerts stand in each state."""
    counted = _of_venue(venue).aggregate(
        **{item.value: Count("id", filter=Q(state=item)) for item in AlertState}
    )
    return dict(counted)


def alert_is_unresolved(key: str) -> bool:
    """Return whether ``key`` has an alert that is open or acknowledged."""
    return _unresolved().filter(key=key).exists()
