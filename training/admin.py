"""Studies, trials and model versions in Django's admin: to look at, not to change."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from training.models import ModelVersion, Study, Trial

if TYPE_CHECKING:
    StudyBase = admin.ModelAdmin[Study]
    TrialBase = admin.ModelAdmin[Trial]
    VersionBase = admin.ModelAdmin[ModelVersion]
else:
    StudyBase = TrialBase = VersionBase = admin.ModelAdmin


class _ReadOnly:
    """What workers wrote is looked at; orders are given on the pages and over REST."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Study)
class StudyAdmin(_ReadOnly, StudyBase):
    """Studies with what they were told."""

    list_display = (
        *("id", "name", "venue", "state", "trials_wanted", "created_by", "reason"),
    )
    list_filter = ("venue", "state")
    search_fields = ("name", "created_by", "reason")


@admin.register(Trial)
class TrialAdmin(_ReadOnly, TrialBase):
    """Trials with where they ran and what became of them."""

    list_display = (
        *("id", "study", "number", "state", "value", "epochs_done", "precision"),
        *("device", "host", "attempt", "retry_of", "reason"),
    )
    list_filter = ("state", "precision", "device", "study__venue")
    list_select_related = ("study",)
    search_fields = ("study__name", "host", "worker", "reason")


@admin.register(ModelVersion)
class ModelVersionAdmin(_ReadOnly, VersionBase):
    """Versions with their stage and where they came from."""

    list_display = (
        *("id", "name", "venue", "stage", "trial", "size_bytes", "code_version"),
        "created_by",
    )
    list_filter = ("venue", "stage")
    list_select_related = ("trial",)
    search_fields = ("name", "sha256", "created_by")
