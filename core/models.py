"""What every app may store: alerts, and the trail of who changed what."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

from django.db import models

from core.errors import AppendOnly


class Severity(StrEnum):
    """How much an alert matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def below(self) -> list[str]:
        """The severities that this one outranks."""
        ranked = list(Severity)
        return [item.value for item in ranked[: ranked.index(self)]]


class AlertState(StrEnum):
    """Where an alert stands; resolved is the end, what comes later is a new row."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Alert(models.Model):
    """Something a person must know of, once per ``key`` until it is resolved.

    ``venue`` is empty when it does not concern an exchange. ``count`` says how often it
    was raised; ``revision`` grows with every change, so that of two copies of a row the
    newer one is known.
    """

    key = models.CharField(max_length=120)
    venue = models.CharField(max_length=16, blank=True)
    severity = models.CharField(
        max_length=8, choices=[(item.value, item.value) for item in Severity]
    )
    source = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    count = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    state = models.CharField(
        max_length=12,
        choices=[(item.value, item.value) for item in AlertState],
        default=AlertState.OPEN.value,
    )
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=~models.Q(state="resolved"),
                name="alert_unresolved_once",
            )
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="alert_by_state"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.source} - {self.severity} - {self.title}"

    def as_dict(self) -> dict[str, Any]:
        """Return the row as REST and pages show it; times in ms since the epoch."""
        return {
            "id": self.id,
            "key": self.key,
            "venue": self.venue,
            "severity": self.severity,
            "source": self.source,
            "title": self.title,
            "text": self.text,
            "advice": self.advice,
            "count": self.count,
            "revision": self.revision,
            "first_at": _ms(self.first_at),
            "last_at": _ms(self.last_at),
            "state": self.state,
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_at": _ms(self.acknowledged_at),
            "resolved_at": _ms(self.resolved_at),
        }


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    """Adds and reads; whatever changes or removes rows raises ``AppendOnly``."""

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> Any:
        if options.get("update_conflicts") or options.get("ignore_conflicts"):
            _refuse()
        return super().bulk_create(objs, *args, **options)

    def update(self, **values: Any) -> NoReturn:
        _refuse()

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        _refuse()

    def delete(self) -> NoReturn:
        _refuse()

    def _raw_delete(self, using: str | None) -> NoReturn:
        _refuse()


def _refuse() -> NoReturn:
    raise AppendOnly("the audit trail is only added to")


class AuditEntry(models.Model):
    """One change: who did what to which thing, what it was and what it became.

    ``number`` counts from 1 without holes. ``before`` and ``after`` are JSON texts as
    they went into ``digest``, which also covers ``previous``, the digest of the entry
    before. Written by ``core.audit`` only.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.BigIntegerField(help_text="ms since the epoch")
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    before = models.TextField()
    after = models.TextField()
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    objects: ClassVar[Any] = AppendOnlyQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["target", "number"], name="audit_by_target"),
            models.Index(fields=["actor", "number"], name="audit_by_actor"),
        ]
        ordering = ["-number"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"#{self.number} {self.action} {self.target} by {self.actor}"

    def save(self, **options: Any) -> None:
        if not self._state.adding:
            _refuse()
        # With a number of its own Django would first try to overwrite that row.
        super().save(**{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        _refuse()


class AuditHead(models.Model):
    """The newest entry; its one row is locked by whoever adds the next one."""

    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"#{self.number} {self.digest}"
