"""From the row of a study to its search in Optuna."""

from pathlib import Path

from django.conf import settings

from training.models import Study
from training.search import Search
from training.search_storage import Place, place
from training.study_spec import StudySpec


def search_place() -> Place:
    """Return where this installation's searches lie."""
    site, training = settings.QUANTAI.site, settings.QUANTAI.training
    return place(own=training.storage_url, database_url=site.database_url, var=site.var)


def search_of(study: Study) -> Search:
    """Return the search of a study."""
    training = settings.QUANTAI.training
    return Search(
        search_place(),
        study.optuna_name,
        StudySpec.from_dict(study.spec),
        heartbeat_seconds=training.heartbeat_seconds,
        grace_seconds=training.grace_seconds,
    )


def checkpoint_file(study_id: int, number: int) -> Path:
    """Return where a trial keeps its newest checkpoint.

    Every trial has a file of its own: a process that was taken for dead cannot
    overwrite what its successor writes.
    """
    folder: Path = settings.QUANTAI.site.var / "training" / f"study-{study_id}"
    return folder / f"trial-{number}.pt"
