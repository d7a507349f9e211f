"""Tables of training as files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

from core.export import Kind, Table
from training import epoch_selectors, selectors
from training.engine.results import ScaleRun
from training.engine.scale_report import joined
from training.messages import EPOCH_NUMBERS, MARK_FIELDS
from training.models import ScaleMark, Study

What = Literal["studies", "trials", "epochs", "scale", "marks"]
INTEGERS = (
    *("id", "study", "trial", "number", "epoch", "at", "batches", "first_batch"),
    *("overflows", "growths", "halvings", "resets", "peak_memory_bytes", "count"),
    *("batch", "trials_wanted", "created_at", "started_at", "ended_at", "epochs_done"),
    *("epochs_wanted", "first_epoch", "attempt", "retry_of", "pid", "batch_size"),
    *("parameters", "waiting", "running", "complete", "pruned", "failed", "cancelled"),
    *("best_number",),
)
TEXTS = (
    *("name", "state", "reason", "created_by", "host", "worker", "device", "precision"),
    *("kind", "advice", "spec", "params", "metrics"),
)
STUDIES = (
    *("id", "name", "state", "reason", "trials_wanted", "waiting", "running"),
    *("complete", "pruned", "failed", "cancelled", "best_number", "best_value"),
    *("eta_seconds", "created_by", "created_at", "started_at", "ended_at", "spec"),
)
TRIALS = (
    *("id", "study", "number", "state", "reason", "value", "params", "epochs_wanted"),
    *("epochs_done", "first_epoch", "attempt", "retry_of", "host", "pid", "worker"),
    *("device", "precision", "batch_size", "parameters", "init_scale", "batches"),
    *("overflows", "growths", "halvings", "resets", "scale_min", "scale_max"),
    *("scale_last", "metrics", "started_at", "ended_at"),
)
PLACE = ("study", "trial", "number")
EPOCHS = (*PLACE, *EPOCH_NUMBERS, "overflow_rate", "metrics")
SCALE = (*PLACE, "first_batch", "count", "scale")
MARKS = (*PLACE, *MARK_FIELDS)


@dataclass(frozen=True)
class Wish:
    """Whose rows: of a venue or one of its studies, in a range of time (ms)."""

    venue: str
    study: int | None = None
    since: int | None = None
    until: int | None = None


Rows = Callable[[Wish], Iterator[dict[str, Any]]]


def table(what: What, wish: Wish) -> Table:
    """Return a table; its rows are read while it is sent."""
    columns, rows = TABLES[what]
    facts = {} if wish.study is None else {"study": wish.study}
    return Table(
        f"training-{what}", wish.venue, _kinds(columns), rows(wish), facts=facts
    )


def _kinds(columns: tuple[str, ...]) -> dict[str, Kind]:
    return {name: _kind(name) for name in columns}


def _kind(name: str) -> Kind:
    if name in INTEGERS:
        return "integer"
    if name in TEXTS:
        return "text"
    return "boolean" if name == "improved" else "number"


def _studies(wish: Wish) -> Iterator[dict[str, Any]]:
    after = 0
    while page := selectors.studies(
        venue=wish.venue, since=wish.since, until=wish.until, after=after, limit=500
    ):
        for row in page:
            if wish.study in (None, row["id"]):
                best = row["best"] or {}
                yield {
                    **row,
                    **row["counts"],
                    "best_number": best.get("number"),
                    "best_value": best.get("value"),
                    "spec": _text(row["spec"]),
                }
        after = page[-1]["id"]


def _trials(wish: Wish) -> Iterator[dict[str, Any]]:
    for study_id in _study_ids(wish):
        for row in selectors.trials(
            study_id=study_id, since=wish.since, until=wish.until
        ):
            yield {
                **row["totals"],
                **row,
                "params": _text(row["params"]),
                "metrics": _text(row["metrics"]),
            }


def _epochs(wish: Wish) -> Iterator[dict[str, Any]]:
    for row in _epoch_rows(wish):
        rate = row["overflows"] / row["batches"] if row["batches"] else 0.0
        yield {**row, "overflow_rate": rate, "metrics": _text(row["metrics"])}


def _scale(wish: Wish) -> Iterator[dict[str, Any]]:
    for place, rows in groupby(_epoch_rows(wish), key=itemgetter(*PLACE)):
        runs = [ScaleRun(*run) for row in rows for run in row["scale_runs"]]
        for run in joined(runs):
            yield {**dict(zip(PLACE, place, strict=True)), **vars(run)}


def _marks(wish: Wish) -> Iterator[dict[str, Any]]:
    for study_id in _study_ids(wish):
        rows = ScaleMark.objects.filter(trial__study=study_id).select_related("trial")
        if wish.since is not None:
            rows = rows.filter(trial__started_at__gte=wish.since)
        if wish.until is not None:
            rows = rows.filter(trial__started_at__lt=wish.until)
        for row in rows.order_by("trial__number", "batch", "id").iterator(2_000):
            yield {
                "study": study_id,
                "trial": row.trial_id,
                "number": row.trial.number,
                **{name: getattr(row, name) for name in MARK_FIELDS},
            }


def _epoch_rows(wish: Wish) -> Iterator[dict[str, Any]]:
    return epoch_selectors.epochs_of_study(
        venue=wish.venue, study_id=wish.study, since=wish.since, until=wish.until
    )


def _study_ids(wish: Wish) -> list[int]:
    rows = Study.objects.filter(venue=wish.venue)
    if wish.study is not None:
        rows = rows.filter(id=wish.study)
    return sorted(rows.values_list("id", flat=True))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


TABLES: dict[str, tuple[tuple[str, ...], Rows]] = {
    "studies": (STUDIES, _studies),
    "trials": (TRIALS, _trials),
    "epochs": (EPOCHS, _epochs),
    "scale": (SCALE, _scale),
    "marks": (MARKS, _marks),
}
