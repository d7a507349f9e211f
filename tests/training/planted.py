"""Studies, trials, epochs and versions as the trial processes would have stored them.

``study`` and ``trial`` write through the services and the recorder; ``many`` puts a large
study into the tables at once.
"""

import time

import numpy as np

from training import recorder, services
from training.engine.results import (
    EpochResult,
    OutputStatistics,
    ScaleEvent,
    ScaleSummary,
)
from training.engine.scale_report import runs
from training.models import ModelVersion, Study, Trial, TrialEpoch
from training.study_spec import StudySpec

VENUE = "simulator"
BATCHES = 50
SPACE = {
    "model.d_model": {"choices": [16, 32, 64]},
    "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "model.dropout": {"low": 0.0, "high": 0.3},
}


def spec(**changed):
    return StudySpec.from_dict(
        {"space": SPACE, "trials": 4, "interval": "15m", **changed}
    )


def study(name="first", *, venue=VENUE, actor="ada", **changed):
    """A study that waits; ``changed`` are fields of its spec."""
    return services.study_create(
        venue=venue, name=name, spec=spec(**changed), actor=actor
    )


def params(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "model.d_model": int(rng.choice([16, 32, 64])),
        "train.learning_rate": float(10 ** rng.uniform(-4, -2)),
        "model.dropout": float(rng.uniform(0, 0.3)),
    }


def trial(study, number=0, *, epochs=3, batches=BATCHES, state=None, value=None,
          reason="", fp16=True, seed=None, overflow_at=(), **changed):  # fmt: skip
    """A trial with ``epochs`` epochs; it runs on unless ``state`` says how it ended."""
    seed = number if seed is None else seed
    given = {
        "params": params(seed), "retry_of": None, "attempt": 1, "epochs_wanted": 10,
        "batch_size": 32, "parameters": 23_456, "device": "cpu", "host": "box",
        "init_scale": 65536.0 if fp16 else None, "pid": 4711, "worker": "training@box",
        "precision": "fp16" if fp16 else "fp32",
    }  # fmt: skip
    given |= changed
    row = recorder.trial_started(study_id=study.id, number=number, **given)
    scale = 65536.0
    for epoch in range(row.first_epoch, row.first_epoch + epochs):
        result, scale = epoch_result(
            epoch, batches, scale, fp16=fp16, seed=seed, overflow_at=overflow_at
        )
        assert recorder.epoch_recorded(trial_id=row.id, result=result)
    if state is not None:
        if value is None and state == "complete":
            value = 0.5 + 0.01 * seed
        recorder.trial_ended(
            trial_id=row.id, state=state, value=value, reason=reason, metrics={}
        )
    row.refresh_from_db()
    return row


def epoch_result(epoch, batches=BATCHES, scale=65536.0, *, fp16=True, seed=0,
                 overflow_at=()):  # fmt: skip
    """An epoch's result and the scale after it; batches count over the whole trial.

    The scale halves at ``overflow_at`` and grows by a fifth at each epoch's middle.
    """
    rng = np.random.default_rng([seed, epoch])
    first = epoch * batches
    scales, events = [], []
    for batch in range(first, first + batches):
        before = scale
        if batch in overflow_at:
            scale, kind, advice = scale / 2, "overflow", "a step was skipped: lower lr"
        elif batch == first + batches // 2:
            scale, kind, advice = scale * 1.2, "growth", "the scale grew"
        scales.append(scale)
        if scale != before and fp16:
            output = OutputStatistics(-1.5, 2.5, 0.25, 0.0)
            events.append(
                ScaleEvent(epoch, batch, kind, before, scale, advice, 1.25, output)
            )
    summary = ScaleSummary(
        first=scales[0], last=scales[-1], minimum=min(scales), maximum=max(scales),
        mean=sum(scales) / len(scales),
        overflows=sum(one.kind == "overflow" for one in events),
        growths=sum(one.kind == "growth" for one in events),
        halvings=0, resets=0, runs=runs(first, scales), events=tuple(events),
    )  # fmt: skip
    loss = 0.6 * 0.9**epoch + 0.02 * rng.random()
    return EpochResult(
        epoch=epoch, batches=batches, train_loss=loss,
        validation_loss=loss * 1.1 + 0.01 * seed, learning_rate=1e-3 * 0.9**epoch,
        gradient_norm=0.8 + 0.1 * rng.random(), gradient_norm_max=2.0, seconds=1.5,
        samples_per_second=1066.0, peak_memory_bytes=350 << 20, improved=True,
        scale=summary if fp16 else None, metrics={"mae": loss / 2},
    ), scale  # fmt: skip


def typical():
    """A study with a complete, a pruned, a failed, a retried and a running trial."""
    row = study("typical", trials=6)
    trial(row, 0, epochs=5, state="complete", overflow_at=(10, 11, 60))
    trial(row, 1, epochs=2, state="pruned", reason="worse than the median")
    trial(row, 2, epochs=2, state="failed", reason="its process died")
    trial(row, 3, epochs=3, first_epoch=2, retry_of=2, attempt=2, seed=2,
          state="complete")  # fmt: skip
    trial(
        row, 4, epochs=0, state="failed", reason="the loss is not a number", fp16=False
    )
    trial(row, 5, epochs=4, overflow_at=(70,))
    row.refresh_from_db()
    return row


def many(*, trials=50, epochs=100, batches=BATCHES, name="many"):
    """A study with many complete trials of many epochs, stored in bulk."""
    row = study(name, trials=trials)
    now = time.time_ns() // 1_000_000
    Study.objects.filter(id=row.id).update(
        state="complete", started_at=now, ended_at=now
    )
    rows = Trial.objects.bulk_create(
        Trial(
            study=row, number=number, state="complete", params=params(number),
            value=1.0 + number / 100, epochs_wanted=epochs, epochs_done=epochs,
            precision="fp16", device="cpu", init_scale=65536.0, batch_size=32,
            parameters=23_456, started_at=now - 60_000, ended_at=now,
            totals={"batches": batches * epochs, "overflows": 0, "growths": epochs,
                    "halvings": 0, "resets": 0, "epochs": epochs, "scale_min": 65536.0,
                    "scale_max": 65536.0 * 1.2**epochs, "scale_last": 65536.0},
        )
        for number in range(trials)
    )  # fmt: skip
    template = []
    scale = 65536.0
    for epoch in range(epochs):
        result, scale = epoch_result(epoch, batches, scale)
        template.append(recorder.epoch_values(result))
    TrialEpoch.objects.bulk_create(
        (
            TrialEpoch(trial=one, epoch=epoch, **values)
            for one in rows
            for epoch, values in enumerate(template)
        ),
        batch_size=2_000,
    )
    row.refresh_from_db()
    return row


def version(trial=None, name="first", *, venue=VENUE, folder="first", **changed):
    """A row of a model version; its folder is not made."""
    given = {
        "stage": "candidate", "sha256": "0" * 64, "size_bytes": 12_345,
        "config": {"kind": "informer", "d_model": 16}, "features": ["return_1"],
        "data": {"rows": 5_000}, "metrics": {"test": {"mae": 0.01}},
        "code_version": "0.1.0", "created_by": "ada", "created_at": 1_790_000_000_000,
    }  # fmt: skip
    return ModelVersion.objects.create(
        venue=venue, name=name, trial=trial, folder=folder, **given | changed
    )
