"""Pages of the installation: overview and settings."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "quantai_site/overview.html")


def settings_page(request: HttpRequest) -> HttpResponse:
    return render(request, "quantai_site/settings.html")
