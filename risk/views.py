"""The page of state and limits. It renders the frame; the rest comes over REST."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.access import Actor, Role, has_role


def risk(request: HttpRequest) -> HttpResponse:
    allowed = has_role(cast(Actor, request.user), Role.RISK)
    return render(request, "risk/risk.html", {"section": "risk", "may_set": allowed})
