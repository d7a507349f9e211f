"""What training has done so far: the published ``get_training_stats()``."""

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Sum

from training.models import Study, Trial, TrialEpoch

NEWEST = 100


def get_training_stats(
    *, venue: str = "", study: int | None = None, trials: int = NEWEST
) -> dict[str, Any]:
    """Return scale values, overflow rate, resets, trials and epochs.

    ``totals`` are over all trials of the venue (that of the installation by default) or
    of one study; ``trials`` lists the newest ones, each with the scale at the end of
    every epoch. Scales are None where no scaler ran; the overflow rate is that of the
    batches that one scaled.
    """
    venue = venue or settings.QUANTAI.site.exchange
    rows = Trial.objects.filter(study__venue=venue)
    if study is not None:
        rows = rows.filter(study=study)
    newest = list(rows.order_by("-id")[:trials])
    values = _scale_values([row.id for row in newest])
    return {
        "venue": venue,
        "study": study,
        "totals": _totals(venue, study),
        "trials": [_trial(row, values[row.id]) for row in newest],
    }


def _totals(venue: str, study: int | None) -> dict[str, Any]:
    studies = Study.objects.filter(venue=venue)
    trials = Trial.objects.filter(study__venue=venue)
    epochs = TrialEpoch.objects.filter(trial__study__venue=venue)
    if study is not None:
        studies = studies.filter(id=study)
        trials, epochs = trials.filter(study=study), epochs.filter(trial__study=study)
    names = ("batches", "overflows", "growths", "halvings", "resets", "seconds")
    sums = epochs.aggregate(
        epochs=Count("id"),
        **{name: Sum(name, default=0) for name in names},
        scale_min=Min("scale_min"),
        scale_max=Max("scale_max"),
    )
    scaled = epochs.filter(scale_last__isnull=False)
    scaled_batches = scaled.aggregate(n=Sum("batches", default=0))["n"]
    return {
        "studies": _by_state(studies),
        "trials": _by_state(trials),
        **sums,
        "overflow_rate": _rate(sums["overflows"], scaled_batches),
        "scale_last": scaled.order_by("-at", "-id")
        .values_list("scale_last", flat=True)
        .first(),
    }


def _by_state(rows: Any) -> dict[str, int]:
    counted = rows.order_by().values_list("state").annotate(n=Count("id"))
    found: dict[str, int] = dict(counted)
    return {"total": sum(found.values()), **found}


def _trial(row: Trial, values: list[float]) -> dict[str, Any]:
    totals = row.totals
    batches, overflows = totals.get("batches", 0), totals.get("overflows", 0)
    return {
        "id": row.id,
        "study": row.study_id,
        "number": row.number,
        "state": row.state,
        "epochs": totals.get("epochs", 0),
        "batches": batches,
        "overflows": overflows,
        "overflow_rate": _rate(overflows, batches),
        "growths": totals.get("growths", 0),
        "halvings": totals.get("halvings", 0),
        "resets": totals.get("resets", 0),
        "init_scale": row.init_scale,
        "scale_min": totals.get("scale_min"),
        "scale_max": totals.get("scale_max"),
        "scale_last": totals.get("scale_last"),
        "scale_values": values,
    }


def _scale_values(trials: list[int]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    rows = TrialEpoch.objects.filter(trial__in=trials)
    for trial_id, scale in rows.order_by("trial_id", "epoch").values_list(
        "trial_id", "scale_last"
    ):
        if scale is not None:
            found[trial_id].append(scale)
    return found


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
