"""REST of model versions."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router
from ninja.errors import HttpError

from core.export import download, zipped
from training import selectors
from training.api_parts import known_study, page, times, venue
from training.messages import version_told
from training.models import ModelVersion
from training.versions import folder_of, models_folder

router = Router()


@router.get("/models")
def versions(
    request: HttpRequest,
    stage: Literal["", "candidate", "shadow", "active", "retired"] = "",
    study: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Versions with everything to compare them by, newest first."""
    known_study(study)
    since_ms, until_ms = times(since, until)
    rows = selectors.versions(
        venue=venue(),
        stage=stage,
        study_id=study,
        since=since_ms,
        until=until_ms,
        after=after,
        limit=limit,
    )
    return {"venue": venue(), **page("models", rows, limit, "id")}


@router.get("/models/{version_id}")
def version(request: HttpRequest, version_id: int) -> dict[str, Any]:
    """One version."""
    return version_told(_row(version_id))


@router.get("/models/{version_id}/download")
def version_download(request: HttpRequest, version_id: int) -> StreamingHttpResponse:
    """The version's folder as a zip."""
    row = _row(version_id)
    models, folder = models_folder().resolve(), folder_of(row).resolve()
    files = sorted(path for path in folder.glob("*") if path.is_file())
    if models not in folder.parents or not files:
        raise HttpError(404, f"The files of version {row.name} are not here.")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", row.name).strip("-.") or str(row.id)
    parts = zipped((f"{name}/{path.name}", path) for path in files)
    return download(request, parts, f"{name}-{row.venue}.zip", "application/zip")


def _row(version_id: int) -> ModelVersion:
    row = selectors.version_row(version_id=version_id, venue=venue())
    if row is None:
        raise HttpError(404, f"There is no model version {version_id}.")
    return row
