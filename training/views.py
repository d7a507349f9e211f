"""Pages of training: studies, one study, one trial, model versions.

They render the frame only; the numbers come over REST and the browser socket.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def studies(request: HttpRequest) -> HttpResponse:
    """All studies, and the form of a new one."""
    return render(request, "training/studies.html", {"section": "training"})


def study(request: HttpRequest, study_id: int) -> HttpResponse:
    """One study: trials, comparison of their scales, Optuna's plots."""
    context = {"section": "training", "study_id": study_id}
    return render(request, "training/study.html", context)


def trial(request: HttpRequest, trial_id: int) -> HttpResponse:
    """One trial: its epochs as they come, and what the loss scale did."""
    context = {"section": "training", "trial_id": trial_id}
    return render(request, "training/trial.html", context)


def models(request: HttpRequest) -> HttpResponse:
    """Versions of models, side by side."""
    return render(request, "training/models.html", {"section": "training"})
