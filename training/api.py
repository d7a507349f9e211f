"""REST of the training app, mounted at /api/v1/training."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from core.export import Format, export_response
from training import export
from training.api_parts import known_study, times, venue
from training.stats import get_training_stats
from training.studies_api import router as studies_router
from training.trials_api import router as trials_router
from training.versions_api import router as versions_router

router = Router()
router.add_router("", studies_router)
router.add_router("", trials_router)
router.add_router("", versions_router)


@router.get("/stats")
def stats(
    request: HttpRequest,
    study: int | None = None,
    trials: Annotated[int, Query(ge=0, le=1000)] = 100,
) -> dict[str, Any]:
    """What training did: scales, overflow rate, resets, trials, epochs."""
    known_study(study)
    return get_training_stats(venue=venue(), study=study, trials=trials)


@router.get("/export")
def training_export(
    request: HttpRequest,
    what: export.What,
    study: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    file_format: Annotated[Format, Query(alias="format")] = Format.JSON,
) -> StreamingHttpResponse:
    """A file of studies, trials, epochs, the scale (runs) or its marks.

    ``since`` (inclusive) and ``until`` are ISO times (UTC unless they say otherwise) or
    ms since the epoch: when a study was made, a trial began, an epoch ended.
    """
    known_study(study)
    since_ms, until_ms = times(since, until)
    wish = export.Wish(venue(), study, since_ms, until_ms)
    return export_response(request, export.table(what, wish), file_format)
