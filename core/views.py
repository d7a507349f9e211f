"""Pages of what every app has. They render the frame; the rows come over REST."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.access import Actor, Scope, may


def alerts(request: HttpRequest) -> HttpResponse:
    allowed = may(cast(Actor, request.user), scope=None, needed=Scope.TRADE)
    context = {"section": "alerts", "may_acknowledge": allowed}
    return render(request, "core/alerts.html", context)
