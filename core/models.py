"""What every app may store: alerts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import models


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
