"""Pages of the installation: overview and settings."""

from itertools import groupby
from operator import attrgetter

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "quantai_site/overview.html", {"section": "overview"})


def settings_page(request: HttpRequest) -> HttpResponse:
    """Every effective setting with its source, secrets masked, grouped by section."""
    rows = groupby(settings.QUANTAI.rows(), key=attrgetter("section"))
    sections = [{"name": name, "rows": list(group)} for name, group in rows]
    context = {"section": "settings", "sections": sections}
    return render(request, "quantai_site/settings.html", context)
