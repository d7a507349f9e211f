"""Reads of studies, trials and versions."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery

from training.eta import Running, eta_seconds
from training.messages import study_head, trial_told, version_told
from training.models import TRIAL_STATES, ModelVersion, Study, Trial

OPEN = ("waiting", "running")
ENDED = ("complete", "pruned", "failed", "cancelled")
# These can run again; what is complete cannot.
AGAIN = ("pruned", "failed", "cancelled")


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    ``replaced``: ended trials that a retry stands in for; ``asked``: ended ones that
    somebody wants to run again; ``mean_seconds``: of the complete and pruned ones.
    """

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(TRIAL_STATES, 0)
    )
    replaced: int = 0
    asked: int = 0
    mean_seconds: float | None = None

    @property
    def settled(self) -> int:
        """Trials that have ended for good."""
        ended = sum(self.counts[state] for state in ENDED)
        return ended - self.replaced - self.asked


def progress(studies: Iterable[int]) -> dict[int, Progress]:
    """Return how far each of these studies is."""
    counted = {state: Count("id", filter=Q(state=state)) for state in TRIAL_STATES}
    rows = (
        Trial.objects.filter(study__in=list(studies))
        .order_by()
        .values("study")
        .annotate(
            **counted,
            replaced=Count("retry_of", distinct=True),
            asked=Count("id", filter=Q(requeue_asked=True)),
            mean=Avg(
                F("ended_at") - F("started_at"),
                filter=Q(state__in=("complete", "pruned")),
            ),
        )
    )
    return {
        row["study"]: Progress(
            counts={state: row[state] for state in TRIAL_STATES},
            replaced=row["replaced"],
            asked=row["asked"],
            mean_seconds=None if row["mean"] is None else float(row["mean"]) / 1000,
        )
        for row in map(dict[str, Any], rows)
    }


def study_row(*, study_id: int, venue: str) -> Study | None:
    """Return a study's row, or None."""
    return Study.objects.filter(id=study_id, venue=venue).first()


def studies(
    *,
    venue: str,
    state: str = "",
    since: int | None = None,
    until: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return studies, newest first; ``after`` is the id of the last one seen.

    ``since`` (inclusive) and ``until`` (ms) are times of their making.
    """
    rows = Study.objects.filter(venue=venue)
    if state:
        rows = rows.filter(state=state)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    if after:
        rows = rows.filter(id__lt=after)
    return _studies_told(rows.order_by("-id")[:limit])


def study(*, study_id: int, venue: str) -> dict[str, Any] | None:
    """Return a study with its counts, best trial and remaining time, or None."""
    for told in _studies_told(Study.objects.filter(id=study_id, venue=venue)):
        return told
    return None


def _studies_told(rows: QuerySet[Study]) -> list[dict[str, Any]]:
    best_first = Trial.objects.filter(
        study=OuterRef("pk"), state="complete", value__isnull=False
    ).order_by("value", "number")
    found = list(rows.annotate(best_id=Subquery(best_first.values("id")[:1])))
    ids = [row.id for row in found]
    so_far, running = progress(ids), _running(ids)
    best = Trial.objects.in_bulk([row.best_id for row in found if row.best_id])
    return [
        {
            **study_head(row),
            **_progress_told(row, so_far.get(row.id, Progress()), running[row.id]),
            "best": _best_told(best.get(row.best_id)),
            "spec": row.spec,
            "data": row.data,
        }
        for row in found
    ]


def _running(studies: Sequence[int]) -> dict[int, list[Running]]:
    """Return what runs now, by study."""
    now = time.time_ns() // 1_000_000
    found: dict[int, list[Running]] = defaultdict(list)
    rows = Trial.objects.filter(study__in=studies, state="running").values_list(
        "study", "started_at", "epochs_done", "first_epoch", "epochs_wanted"
    )
    for study_id, started_at, done, first, wanted in rows:
        found[study_id].append(
            Running(
                elapsed=max(0, now - (started_at or now)) / 1000,
                done=max(0, done - first),
                left=max(0, wanted - done),
            )
        )
    return found


def _progress_told(
    row: Study, so_far: Progress, running: Sequence[Running]
) -> dict[str, Any]:
    """A trial has a row once it begins; those that wait are what is left of the wish."""
    counts = dict(so_far.counts)
    if row.state in OPEN and not row.cancel_asked:
        begun = so_far.settled + counts["running"]
        counts["waiting"] = max(0, row.trials_wanted - begun)
    left = None
    if row.state == "running":
        left = eta_seconds(
            to_begin=counts["waiting"],
            running=running,
            mean_seconds=so_far.mean_seconds,
        )
    return {"counts": counts, "eta_seconds": left}


def _best_told(trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    names = ("id", "number", "value", "params")
    return {name: getattr(trial, name) for name in names}


def trial_row(*, trial_id: int, venue: str) -> Trial | None:
    """Return a trial's row, or None."""
    return Trial.objects.filter(id=trial_id, study__venue=venue).first()


def trials(
    *,
    study_id: int,
    state: str = "",
    since: int | None = None,
    until: int | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return trials by number; ``after`` is the number of the last one seen.

    ``since`` (inclusive) and ``until`` (ms) are times at which they began.
    """
    rows = Trial.objects.filter(study=study_id)
    if state:
        rows = rows.filter(state=state)
    if since is not None:
        rows = rows.filter(started_at__gte=since)
    if until is not None:
        rows = rows.filter(started_at__lt=until)
    if after is not None:
        rows = rows.filter(number__gt=after)
    return [trial_told(row) for row in rows.order_by("number")[:limit]]


def requeues(*, study_id: int) -> list[Trial]:
    """Return the ended trials that somebody wants to run again, by number."""
    rows = Trial.objects.filter(study=study_id, requeue_asked=True)
    return list(rows.order_by("number"))


def versions(
    *,
    venue: str,
    stage: str = "",
    study_id: int | None = None,
    since: int | None = None,
    until: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return model versions, newest first; ``after`` is the id of the last one seen."""
    rows = ModelVersion.objects.filter(venue=venue).select_related("trial")
    if stage:
        rows = rows.filter(stage=stage)
    if study_id is not None:
        rows = rows.filter(trial__study=study_id)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    if after:
        rows = rows.filter(id__lt=after)
    return [version_told(row) for row in rows.order_by("-id")[:limit]]


def version_row(*, version_id: int, venue: str) -> ModelVersion | None:
    """Return a version's row, or None."""
    rows = ModelVersion.objects.filter(id=version_id, venue=venue)
    return rows.select_related("trial").first()
