"""Studies, their trials and epochs, what the scale did, and the versions of models.

Optuna keeps its own storage, with the heartbeats; these rows are what pages, REST and
reports read. Every row belongs to a venue through its study. Times are ms since the
epoch.
"""

from typing import Any

from django.db import models

STUDY_STATES = ("waiting", "running", "complete", "cancelled", "failed")
TRIAL_STATES = ("waiting", "running", "complete", "pruned", "failed", "cancelled")
STAGES = ("candidate", "shadow", "active", "retired")
EVENT_KINDS = ("overflow", "growth", "halving", "reset", "above_max", "floor")


def _choices(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class Study(models.Model):
    """A search over hyperparameters. ``spec`` is a ``StudySpec`` as JSON.

    ``optuna_name`` names the study in Optuna's storage. ``data`` says what the data
    was: rows, period, hash, per symbol; it is filled when the first trial reads it.
    """

    venue = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    optuna_name = models.CharField(max_length=160, unique=True)
    spec: "models.JSONField[Any, Any]" = models.JSONField()
    data: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    state = models.CharField(
        max_length=10, choices=_choices(STUDY_STATES), default="waiting"
    )
    reason = models.CharField(max_length=500, blank=True)
    trials_wanted = models.PositiveIntegerField()
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.BigIntegerField()
    started_at = models.BigIntegerField(null=True)
    ended_at = models.BigIntegerField(null=True)
    cancel_asked = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "name"], name="study_of_venue")
        ]
        indexes = [models.Index(fields=["venue", "state"], name="study_by_state")]
        ordering = ["-id"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"{self.venue} study {self.name}: {self.state}"


class Trial(models.Model):
    """One trial; ``number`` is Optuna's. ``retry_of``: number of the one it repeats.

    ``heartbeat_at`` is written by the process that trains, ``pid`` and ``host`` say
    which one. ``value`` is what the study minimises. ``init_scale`` is null where no
    scaler runs. ``totals``: {batches, overflows, growths, halvings, resets, epochs,
    scale_min, scale_max, scale_last}. ``first_epoch``: a retry that goes on from a
    checkpoint begins there; the epochs before it are rows of the trial it repeats.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=_choices(TRIAL_STATES), default="waiting"
    )
    reason = models.CharField(max_length=500, blank=True)
    params: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    value = models.FloatField(null=True)
    epochs_wanted = models.PositiveIntegerField(default=0)
    epochs_done = models.PositiveIntegerField(default=0)
    first_epoch = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=1)
    retry_of = models.PositiveIntegerField(null=True)
    host = models.CharField(max_length=120, blank=True)
    pid = models.PositiveIntegerField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    device = models.CharField(max_length=40, blank=True)
    precision = models.CharField(max_length=4, blank=True)
    batch_size = models.PositiveIntegerField(null=True)
    parameters = models.BigIntegerField(null=True)
    init_scale = models.FloatField(null=True)
    totals: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    metrics: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    started_at = models.BigIntegerField(null=True)
    ended_at = models.BigIntegerField(null=True)
    heartbeat_at = models.BigIntegerField(null=True)
    cancel_asked = models.BooleanField(default=False)
    requeue_asked = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="trial_number")
        ]
        indexes = [models.Index(fields=["state"], name="trial_by_state")]
        ordering = ["study", "number"]

    def __str__(self) -> str:
        return f"trial {self.number} of study {self.study_id}: {self.state}"


class TrialEpoch(models.Model):
    """One epoch of a trial, from 0. ``scale_runs``: [[first_batch, count, scale], …]."""

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="epochs")
    epoch = models.PositiveIntegerField()
    at = models.BigIntegerField()
    batches = models.PositiveIntegerField()
    first_batch = models.PositiveIntegerField()
    train_loss = models.FloatField(null=True)
    validation_loss = models.FloatField(null=True)
    learning_rate = models.FloatField()
    gradient_norm = models.FloatField(null=True)
    gradient_norm_max = models.FloatField(null=True)
    seconds = models.FloatField()
    samples_per_second = models.FloatField()
    peak_memory_bytes = models.BigIntegerField()
    improved = models.BooleanField()
    metrics: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    scale_first = models.FloatField(null=True)
    scale_last = models.FloatField(null=True)
    scale_min = models.FloatField(null=True)
    scale_max = models.FloatField(null=True)
    scale_mean = models.FloatField(null=True)
    overflows = models.PositiveIntegerField(default=0)
    growths = models.PositiveIntegerField(default=0)
    halvings = models.PositiveIntegerField(default=0)
    resets = models.PositiveIntegerField(default=0)
    scale_runs: "models.JSONField[Any, Any]" = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trial", "epoch"], name="epoch_of_trial")
        ]
        ordering = ["trial", "epoch"]

    def __str__(self) -> str:
        return f"epoch {self.epoch} of trial {self.trial_id}"


class ScaleMark(models.Model):
    """Something the scale did (``training.engine.results.ScaleEvent``)."""

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="marks")
    epoch = models.PositiveIntegerField()
    batch = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=_choices(EVENT_KINDS))
    before = models.FloatField()
    after = models.FloatField()
    gradient_norm = models.FloatField(null=True)
    output_min = models.FloatField(null=True)
    output_max = models.FloatField(null=True)
    output_mean = models.FloatField(null=True)
    output_nonfinite_share = models.FloatField(null=True)
    advice = models.CharField(max_length=500)

    class Meta:
        indexes = [models.Index(fields=["trial", "batch"], name="mark_by_batch")]
        ordering = ["trial", "batch", "id"]

    def __str__(self) -> str:
        return f"{self.kind} at batch {self.batch} of trial {self.trial_id}"


class ModelVersion(models.Model):
    """A finished model with everything that it takes to use it again.

    ``folder`` lies below ``var/models``: ``weights.safetensors`` and ``version.json``
    (config, features, scaler, data range and hash, code version, metrics). ``sha256``
    is that of the weights.
    """

    venue = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    trial = models.ForeignKey(
        Trial, on_delete=models.SET_NULL, null=True, related_name="versions"
    )
    stage = models.CharField(
        max_length=10, choices=_choices(STAGES), default="candidate"
    )
    folder = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    config: "models.JSONField[Any, Any]" = models.JSONField()
    features: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    data: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    metrics: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    code_version = models.CharField(max_length=40)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "name"], name="version_of_venue")
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.venue} model {self.name} ({self.stage})"
