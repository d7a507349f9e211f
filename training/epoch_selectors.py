"""Reads of epochs and of what the scale did, over a trial's retries.

A retry that goes on from a checkpoint has rows from its first epoch on; what came before
are rows of the trial that it repeats. Readers see one history.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from training.engine.results import ScaleRun
from training.engine.scale_report import joined
from training.messages import EPOCH_NUMBERS, epoch_told, event_told
from training.models import ScaleMark, Trial, TrialEpoch

# What the comparison of trials draws, one list per trial and name.
COMPARED = (
    *("epoch", "train_loss", "validation_loss", "learning_rate", "gradient_norm"),
    *("batches", "overflows", "growths", "halvings", "resets", "scale_first"),
    *("scale_last", "scale_min", "scale_max", "scale_mean"),
)


def history_of(trial: Trial) -> Q:
    """Return the condition for all rows with trial and epoch that tell its story."""
    wanted = Q(trial=trial.id, epoch__gte=trial.first_epoch)
    until = trial.first_epoch
    while until and trial.retry_of is not None:
        before = Trial.objects.filter(
            study=trial.study_id, number=trial.retry_of, number__lt=trial.number
        ).first()
        if before is None:
            break
        wanted |= Q(trial=before.id, epoch__gte=before.first_epoch, epoch__lt=until)
        trial, until = before, min(until, before.first_epoch)
    return wanted


def epochs(
    *,
    trial: Trial,
    since: int | None = None,
    until: int | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return a trial's epochs in order; ``after`` is the last one seen.

    ``since`` (inclusive) and ``until`` (ms) are times at which they ended.
    """
    rows = TrialEpoch.objects.filter(history_of(trial))
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    if after is not None:
        rows = rows.filter(epoch__gt=after)
    found = list(rows.order_by("epoch")[:limit])
    if not found:
        return []
    marks: dict[int, list[ScaleMark]] = defaultdict(list)
    first, last = found[0].epoch, found[-1].epoch
    for mark in ScaleMark.objects.filter(
        history_of(trial), epoch__gte=first, epoch__lte=last
    ).order_by("batch", "id"):
        marks[mark.epoch].append(mark)
    return [epoch_told(row, marks[row.epoch]) for row in found]


def scale_history(*, trial: Trial) -> dict[str, Any]:
    """Return the scale of every batch as runs of equal ones, and what happened to it."""
    rows = TrialEpoch.objects.filter(history_of(trial)).order_by("epoch")
    runs: list[ScaleRun] = []
    batches = 0
    for first, count, found in rows.values_list("first_batch", "batches", "scale_runs"):
        batches = max(batches, first + count)
        runs += [ScaleRun(*run) for run in found]
    marks = ScaleMark.objects.filter(history_of(trial)).order_by("batch", "id")
    return {
        "trial": trial.id,
        "batches": batches,
        "runs": [[run.first_batch, run.count, run.scale] for run in joined(runs)],
        "events": [event_told(mark) for mark in marks],
    }


def study_scales(*, study_id: int) -> dict[str, Any]:
    """Return the epochs of all trials of a study, column by column."""
    trials = Trial.objects.filter(study=study_id).order_by("number")
    columns: dict[int, tuple[list[Any], ...]] = {}
    rows = TrialEpoch.objects.filter(trial__study=study_id).order_by(
        "trial_id", "epoch"
    )
    for trial_id, *values in rows.values_list("trial_id", *COMPARED).iterator(
        chunk_size=5_000
    ):
        if trial_id not in columns:
            columns[trial_id] = tuple([] for _ in COMPARED)
        for column, value in zip(columns[trial_id], values, strict=True):
            column.append(value)
    empty: tuple[list[Any], ...] = tuple([] for _ in COMPARED)
    heads = trials.values("id", "number", "state", "value", "init_scale", "precision")
    return {
        "study": study_id,
        "trials": [
            {
                **head,
                **dict(zip(COMPARED, columns.get(head["id"], empty), strict=True)),
            }
            for head in heads
        ],
    }


def epochs_of_study(
    *, venue: str, study_id: int | None, since: int | None, until: int | None
) -> Iterator[dict[str, Any]]:
    """Yield every epoch of a venue's trials, or of one study's, as stored."""
    rows = TrialEpoch.objects.filter(trial__study__venue=venue)
    if study_id is not None:
        rows = rows.filter(trial__study=study_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    places = ("trial__study", "trial", "trial__number")
    for row in (
        rows.order_by("trial__study", "trial__number", "epoch")
        .values(*places, *EPOCH_NUMBERS, "scale_runs", "metrics")
        .iterator(chunk_size=2_000)
    ):
        row["study"] = row.pop("trial__study")
        row["number"] = row.pop("trial__number")
        yield row
