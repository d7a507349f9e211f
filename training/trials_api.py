"""REST of trials: state, epochs, scale, cancel, requeue."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.errors import HttpError

from core import push, wire
from training import epoch_selectors, selectors, services
from training.api_parts import json_answer, page, times, venue
from training.messages import trial_told
from training.models import Trial
from training.pushes import TRAINING, trial_topic

router = Router()


@router.get("/trials/{trial_id}")
def trial(request: HttpRequest, trial_id: int) -> dict[str, Any]:
    """One trial."""
    position = push.position(TRAINING)
    row = _row(trial_id)
    return {**trial_told(row), "study_name": row.study.name, **position}


@router.post("/trials/{trial_id}/cancel")
def trial_cancel(request: HttpRequest, trial_id: int) -> dict[str, Any]:
    """Stop a trial that runs; it ends within a few batches."""
    row = _row(trial_id)
    asked = services.trial_cancel(trial_id=row.id, venue=venue())
    row.refresh_from_db()
    return {"trial": row.id, "cancelled": asked, "state": row.state}


@router.post("/trials/{trial_id}/requeue")
def trial_requeue(request: HttpRequest, trial_id: int) -> dict[str, Any]:
    """Run an ended trial again with the same parameters, as a new one."""
    row = _row(trial_id)
    services.trial_requeue(trial_id=row.id, venue=venue())
    row.refresh_from_db()
    return {"trial": row.id, "requeued": True, "state": row.state}


@router.get("/trials/{trial_id}/epochs")
def epochs(
    request: HttpRequest,
    trial_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> HttpResponse:
    """Epochs in order; ``after`` is the last one seen."""
    row = _row(trial_id)
    position = push.position(trial_topic(row.id))
    since_ms, until_ms = times(since, until)
    found = epoch_selectors.epochs(
        trial=row, since=since_ms, until=until_ms, after=after, limit=limit
    )
    told = {"trial": row.id, **page("epochs", found, limit, "epoch"), **position}
    return json_answer(wire.encode(told))


@router.get("/trials/{trial_id}/scale")
def scale(request: HttpRequest, trial_id: int) -> HttpResponse:
    """The scale of every batch as runs [first_batch, count, scale], and its events."""
    return json_answer(wire.encode(epoch_selectors.scale_history(trial=_row(trial_id))))


def _row(trial_id: int) -> Trial:
    row = selectors.trial_row(trial_id=trial_id, venue=venue())
    if row is None:
        raise HttpError(404, f"There is no trial {trial_id}.")
    return row
