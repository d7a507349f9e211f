"""What a trial's process writes: its begin, its epochs, its end, that it lives.

Every function is one short transaction of its own; pushes follow the commit. Numbers
that are not finite are stored as null. A row that no longer runs (cancelled, or given up
because its process seemed dead) takes nothing more: the caller is told and stops.
"""

import logging
import math
import time
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Sum

from training import pushes, services
from training.engine.results import EpochResult, ScaleEvent, ScaleSummary
from training.models import ScaleMark, Study, Trial, TrialEpoch
from training.selectors import ENDED, OPEN

log = logging.getLogger(__name__)

ADVICE_LENGTH = 500
MEBIBYTE = 1 << 20


def trial_started(
    *,
    study_id: int,
    number: int,
    params: dict[str, Any],
    retry_of: int | None,
    attempt: int,
    epochs_wanted: int,
    batch_size: int | None,
    parameters: int | None,
    init_scale: float | None,
    device: str,
    precision: str,
    host: str,
    pid: int | None,
    worker: str,
    first_epoch: int = 0,
) -> Trial:
    """Store that a trial runs here; the study runs from its first trial on.

    ``first_epoch``: where a retry goes on from a checkpoint. Started again, a trial
    loses its epochs from there on and its former end.
    """
    now = _now()
    values = {
        "state": "running",
        "reason": "",
        "params": _all_finite(params),
        "value": None,
        "retry_of": retry_of,
        "attempt": attempt,
        "epochs_wanted": epochs_wanted,
        "epochs_done": first_epoch,
        "first_epoch": first_epoch,
        "batch_size": batch_size,
        "parameters": parameters,
        "init_scale": _finite(init_scale),
        "device": device,
        "precision": precision,
        "host": host,
        "pid": pid,
        "worker": worker,
        "metrics": {},
        "started_at": now,
        "ended_at": None,
        "heartbeat_at": now,
    }
    services.study_begin(study_id=study_id)
    with transaction.atomic():
        trial, made = Trial.objects.update_or_create(
            study_id=study_id, number=number, defaults=values
        )
        if not made:
            ScaleMark.objects.filter(trial=trial, epoch__gte=first_epoch).delete()
            TrialEpoch.objects.filter(trial=trial, epoch__gte=first_epoch).delete()
        _total(trial)
        trial.save(update_fields=["totals"])
        _tell(trial)
    _log_start(trial)
    return trial


def epoch_recorded(*, trial_id: int, result: EpochResult) -> bool:
    """Store an epoch with its marks; False when the trial no longer runs.

    An epoch that is recorded again replaces the former one.
    """
    with transaction.atomic():
        trial = _running(trial_id)
        if trial is None:
            return False
        row, _ = TrialEpoch.objects.update_or_create(
            trial=trial, epoch=result.epoch, defaults=epoch_values(result)
        )
        ScaleMark.objects.filter(trial=trial, epoch=result.epoch).delete()
        events = result.scale.events if result.scale is not None else ()
        marks = ScaleMark.objects.bulk_create(_mark(trial, event) for event in events)
        _total(trial)
        trial.epochs_done = max(trial.epochs_done, result.epoch + 1)
        trial.heartbeat_at = row.at
        trial.save(update_fields=["totals", "epochs_done", "heartbeat_at"])
        pushes.epoch_tell(row, marks)
        pushes.trial_tell(trial)
    _log_epoch(trial, row)
    return True


def trial_ended(
    *,
    trial_id: int,
    state: str,
    value: float | None,
    reason: str,
    metrics: dict[str, Any],
) -> bool:
    """Store how a trial ended; False when it had ended before."""
    if state not in ENDED:
        raise ValueError(f"a trial cannot end as {state!r}")
    ended = {
        "state": state,
        "value": _finite(value),
        "reason": services.reason_kept(reason),
        "metrics": _all_finite(metrics),
    }
    return _end(Trial.objects.filter(id=trial_id), ended)


def trial_died(*, study_id: int, number: int, reason: str) -> bool:
    """Store that a trial's process is gone; False when the trial had ended before."""
    ended = {"state": "failed", "reason": services.reason_kept(reason)}
    return _end(Trial.objects.filter(study=study_id, number=number), ended)


def heartbeat(trial_id: int) -> None:
    """Store that the trial's process lives."""
    Trial.objects.filter(id=trial_id, state="running").update(heartbeat_at=_now())


def stop_wanted(trial_id: int) -> str | None:
    """Return why the trial is to stop, or None."""
    found = (
        Trial.objects.filter(id=trial_id)
        .values_list("state", "reason", "cancel_asked", "study__cancel_asked")
        .first()
    )
    if found is None:
        return "the trial was deleted"
    state, reason, trial_asked, study_asked = found
    if state not in OPEN:
        return f"the trial is {state} already: {reason}".removesuffix(": ")
    if study_asked:
        return "the study was cancelled"
    return "it was cancelled" if trial_asked else None


def _end(rows: Any, ended: dict[str, Any]) -> bool:
    with transaction.atomic():
        trial = _locked(rows.filter(state__in=OPEN))
        if trial is None:
            return False
        for name, value in {**ended, "ended_at": _now()}.items():
            setattr(trial, name, value)
        trial.save(update_fields=[*ended, "ended_at"])
        _tell(trial)
    log.info(
        "🏁 trial %d of study %d is %s: value=%s epochs=%d%s",
        *(trial.number, trial.study_id, trial.state, _number(trial.value)),
        *(trial.epochs_done, f" ({trial.reason})" if trial.reason else ""),
    )
    return True


def _running(trial_id: int) -> Trial | None:
    return _locked(Trial.objects.filter(id=trial_id, state="running"))


def _locked(rows: Any) -> Trial | None:
    # In the usual order the study would be joined, and locked with its trial.
    found: Trial | None = rows.select_for_update().order_by("id").first()
    return found


def _tell(trial: Trial) -> None:
    pushes.trial_tell(trial)
    pushes.study_tell(trial.study_id, Study.objects.get(id=trial.study_id).venue)


def epoch_values(result: EpochResult) -> dict[str, Any]:
    """Return the columns of an epoch's row."""
    runs = result.scale.runs if result.scale is not None else ()
    names = ("train_loss", "validation_loss", "gradient_norm", "gradient_norm_max")
    return {
        "at": _now(),
        "batches": result.batches,
        "first_batch": runs[0].first_batch if runs else result.epoch * result.batches,
        "learning_rate": result.learning_rate,
        **{name: _finite(getattr(result, name)) for name in names},
        "seconds": result.seconds,
        "samples_per_second": _finite(result.samples_per_second) or 0.0,
        "peak_memory_bytes": result.peak_memory_bytes,
        "improved": result.improved,
        "metrics": _all_finite(result.metrics),
        **_scale_values(result.scale),
    }


def _scale_values(scale: ScaleSummary | None) -> dict[str, Any]:
    """Without a scaler the former record of the epoch may not shine through."""
    if scale is None:
        lacking = ("first", "last", "min", "max", "mean")
        return {
            **dict.fromkeys([f"scale_{name}" for name in lacking]),
            **dict.fromkeys(("overflows", "growths", "halvings", "resets"), 0),
            "scale_runs": [],
        }
    return {
        "scale_first": _finite(scale.first),
        "scale_last": _finite(scale.last),
        "scale_min": _finite(scale.minimum),
        "scale_max": _finite(scale.maximum),
        "scale_mean": _finite(scale.mean),
        "overflows": scale.overflows,
        "growths": scale.growths,
        "halvings": scale.halvings,
        "resets": scale.resets,
        "scale_runs": [[run.first_batch, run.count, run.scale] for run in scale.runs],
    }


def _mark(trial: Trial, event: ScaleEvent) -> ScaleMark:
    output = event.output
    return ScaleMark(
        trial=trial,
        epoch=event.epoch,
        batch=event.batch,
        kind=event.kind,
        before=event.before,
        after=event.after,
        gradient_norm=_finite(event.gradient_norm),
        output_min=_finite(output.minimum) if output else None,
        output_max=_finite(output.maximum) if output else None,
        output_mean=_finite(output.mean) if output else None,
        output_nonfinite_share=_finite(output.nonfinite_share) if output else None,
        advice=event.advice[:ADVICE_LENGTH],
    )


def _total(trial: Trial) -> None:
    """Sum up a trial's epochs, so that one recorded twice counts once."""
    rows = TrialEpoch.objects.filter(trial=trial)
    names = ("batches", "overflows", "growths", "halvings", "resets")
    sums = rows.aggregate(
        **{name: Sum(name, default=0) for name in names},
        scale_min=Min("scale_min"),
        scale_max=Max("scale_max"),
    )
    last = rows.order_by("-epoch").values_list("scale_last", flat=True).first()
    trial.totals = {**sums, "epochs": rows.count(), "scale_last": last}


def _log_start(trial: Trial) -> None:
    log.info(
        "🚀 trial %d of study %d starts on %s: precision=%s device=%s parameters=%s "
        "init_scale=%s batch_size=%s epochs=%d attempt=%d",
        *(trial.number, trial.study_id, trial.host, trial.precision, trial.device),
        *(trial.parameters, _number(trial.init_scale), trial.batch_size),
        *(trial.epochs_wanted, trial.attempt),
    )


def _log_epoch(trial: Trial, row: TrialEpoch) -> None:
    rate = row.overflows / row.batches if row.batches else 0.0
    log.info(
        "📈 trial %d of study %d epoch %d/%d: loss=%s validation=%s lr=%s "
        "gradient_norm=%s scale=%s/%s/%s/%s/%s (first/last/min/max/mean) overflows=%d "
        "(%.2f%%) skipped=%d resets=%d seconds=%.2f samples/s=%.0f peak_memory=%dMiB",
        *(trial.number, trial.study_id, row.epoch + 1, trial.epochs_wanted),
        *(_number(row.train_loss), _number(row.validation_loss)),
        *(_number(row.learning_rate), _number(row.gradient_norm)),
        *(_number(row.scale_first), _number(row.scale_last), _number(row.scale_min)),
        *(_number(row.scale_max), _number(row.scale_mean), row.overflows, 100 * rate),
        *(row.overflows, row.resets, row.seconds, row.samples_per_second),
        row.peak_memory_bytes // MEBIBYTE,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _finite(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _all_finite(values: Any) -> Any:
    """JSON without numbers that browsers and PostgreSQL refuse."""
    if isinstance(values, dict):
        return {str(name): _all_finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_all_finite(value) for value in values]
    if isinstance(values, float):
        return _finite(values)
    return values


def _now() -> int:
    return time.time_ns() // 1_000_000
