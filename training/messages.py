"""What REST and pushes tell of a row: plain values under the names of the interface."""

from collections.abc import Iterable
from typing import Any

from training.models import ModelVersion, ScaleMark, Study, Trial, TrialEpoch

STUDY_FIELDS = (
    *("id", "name", "venue", "state", "reason", "trials_wanted", "cancel_asked"),
    *("created_by", "created_at", "started_at", "ended_at"),
)
TRIAL_FIELDS = (
    *("id", "number", "state", "reason", "params", "value", "epochs_wanted"),
    *("epochs_done", "first_epoch", "attempt", "retry_of", "host", "pid", "worker"),
    *("device", "precision", "batch_size", "parameters", "init_scale", "totals"),
    *("metrics", "started_at", "ended_at", "heartbeat_at", "cancel_asked"),
    "requeue_asked",
)
EPOCH_NUMBERS = (
    *("epoch", "at", "batches", "first_batch", "train_loss", "validation_loss"),
    *("learning_rate", "gradient_norm", "gradient_norm_max", "seconds"),
    *("samples_per_second", "peak_memory_bytes", "improved", "scale_first"),
    *("scale_last", "scale_min", "scale_max", "scale_mean", "overflows", "growths"),
    *("halvings", "resets"),
)
EVENT_FIELDS = ("epoch", "batch", "kind", "before", "after", "advice")
MARK_FIELDS = (
    *EVENT_FIELDS,
    *("gradient_norm", "output_min", "output_max", "output_mean"),
    "output_nonfinite_share",
)
VERSION_FIELDS = (
    *("id", "venue", "name", "stage", "sha256", "size_bytes", "config", "features"),
    *("data", "metrics", "code_version", "created_by", "created_at"),
)


def study_head(study: Study) -> dict[str, Any]:
    """Return what a study's row says, without its spec and data."""
    return {name: getattr(study, name) for name in STUDY_FIELDS}


def trial_told(trial: Trial) -> dict[str, Any]:
    """Return a trial."""
    told = {name: getattr(trial, name) for name in TRIAL_FIELDS}
    return {"id": told.pop("id"), "study": trial.study_id, **told}


def epoch_told(row: TrialEpoch, marks: Iterable[ScaleMark]) -> dict[str, Any]:
    """Return an epoch with its runs of equal scale and its events."""
    return {
        "trial": row.trial_id,
        **{name: getattr(row, name) for name in EPOCH_NUMBERS},
        "overflow_rate": row.overflows / row.batches if row.batches else 0.0,
        "metrics": row.metrics,
        "scale_runs": row.scale_runs,
        "events": [event_told(mark) for mark in marks],
    }


def event_told(mark: ScaleMark) -> dict[str, Any]:
    """Return what happened to the scale, and the advice."""
    return {name: getattr(mark, name) for name in EVENT_FIELDS}


def version_told(row: ModelVersion) -> dict[str, Any]:
    """Return a version; ``trial`` and ``study`` are null when they are gone."""
    trial = row.trial
    return {
        **{name: getattr(row, name) for name in VERSION_FIELDS},
        "trial": row.trial_id,
        "study": trial.study_id if trial is not None else None,
        "trial_number": trial.number if trial is not None else None,
    }
