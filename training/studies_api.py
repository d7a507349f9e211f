"""REST of studies: list, preview, make, cancel, requeue, their trials and pictures."""

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError

from core import push, wire
from training import datasets, epoch_selectors, plots, selectors, services
from training.api_parts import actor, json_answer, page, times, venue
from training.models import Study
from training.options import options, source_path
from training.pushes import TRAINING
from training.study_spec import StudySpec

router = Router()

StudyState = Literal["", "waiting", "running", "complete", "cancelled", "failed"]
TrialState = Literal[
    "", "waiting", "running", "complete", "pruned", "failed", "cancelled"
]


class SpecWish(Schema):
    """A study's spec, whose fields are those of ``GET /options``."""

    spec: dict[str, Any]


class StudyWish(SpecWish):
    """A study to make."""

    name: str


@router.get("/options")
def form_options(request: HttpRequest) -> dict[str, Any]:
    """What a study may be told, with the defaults."""
    return options(venue=venue())


@router.get("/studies")
def studies(
    request: HttpRequest,
    state: StudyState = "",
    since: datetime | None = None,
    until: datetime | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Studies, newest first; ``after`` is the id of the last one seen."""
    position = push.position(TRAINING)
    since_ms, until_ms = times(since, until)
    rows = selectors.studies(
        venue=venue(),
        state=state,
        since=since_ms,
        until=until_ms,
        after=after,
        limit=limit,
    )
    return {"venue": venue(), **page("studies", rows, limit, "id"), **position}


@router.post("/studies", response={201: dict[str, Any]})
def study_create(request: HttpRequest, wish: StudyWish) -> Status[dict[str, Any]]:
    """Make a study; its trials begin as soon as a worker is free."""
    row = services.study_create(
        venue=venue(), name=wish.name, spec=_spec(wish.spec), actor=actor(request)
    )
    return Status(201, _told(row.id))


@router.post("/studies/preview")
def study_preview(request: HttpRequest, wish: SpecWish) -> HttpResponse:
    """What a study would learn from, and what is wrong with its data."""
    spec = _spec(wish.spec)
    services.study_check(spec)
    return json_answer(wire.encode(datasets.preview(spec, venue=venue())))


@router.get("/studies/{study_id}")
def study(request: HttpRequest, study_id: int) -> dict[str, Any]:
    """One study with its counts, best trial and remaining time."""
    position = push.position(TRAINING)
    return {**_told(study_id), **position}


@router.post("/studies/{study_id}/cancel")
def study_cancel(request: HttpRequest, study_id: int) -> dict[str, Any]:
    """Stop a study: no trial begins any more, those that run end."""
    row = _row(study_id)
    asked = services.study_cancel(study_id=row.id, venue=venue())
    row.refresh_from_db()
    return {"study": row.id, "cancelled": asked, "state": row.state}


@router.post("/studies/{study_id}/requeue")
def study_requeue(request: HttpRequest, study_id: int) -> dict[str, Any]:
    """Let an ended study go on; its failed and cancelled trials run again."""
    row = _row(study_id)
    numbers = services.study_requeue(study_id=row.id, venue=venue())
    row.refresh_from_db()
    return {"study": row.id, "requeued": numbers, "state": row.state}


@router.get("/studies/{study_id}/trials")
def trials(
    request: HttpRequest,
    study_id: int,
    state: TrialState = "",
    since: datetime | None = None,
    until: datetime | None = None,
    after: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Trials by number; ``after`` is the number of the last one seen."""
    position = push.position(TRAINING)
    row = _row(study_id)
    since_ms, until_ms = times(since, until)
    rows = selectors.trials(
        study_id=row.id,
        state=state,
        since=since_ms,
        until=until_ms,
        after=after,
        limit=limit,
    )
    return {"study": row.id, **page("trials", rows, limit, "number"), **position}


@router.get("/studies/{study_id}/scales")
def scales(request: HttpRequest, study_id: int) -> HttpResponse:
    """Every epoch of every trial, one list per trial and column, to compare them."""
    found = epoch_selectors.study_scales(study_id=_row(study_id).id)
    return json_answer(wire.encode(found))


@router.get("/studies/{study_id}/plots/{plot}")
def plot_figure(request: HttpRequest, study_id: int, plot: plots.Plot) -> HttpResponse:
    """One of Optuna's pictures as a Plotly figure."""
    try:
        return json_answer(plots.figure(_row(study_id), plot))
    except plots.TooLittleError as error:
        raise HttpError(404, f"too_little: {error}") from error


def _row(study_id: int) -> Study:
    row = selectors.study_row(study_id=study_id, venue=venue())
    if row is None:
        raise HttpError(404, f"There is no study {study_id}.")
    return row


def _told(study_id: int) -> dict[str, Any]:
    told = selectors.study(study_id=study_id, venue=venue())
    if told is None:
        raise HttpError(404, f"There is no study {study_id}.")
    return told


def _spec(given: dict[str, Any]) -> StudySpec:
    spec = StudySpec.from_dict(given)
    if not spec.source:
        return spec
    return dataclasses.replace(spec, source=source_path(spec.source))
