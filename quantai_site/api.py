"""The REST interface: mounts the apps' routers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from ninja import NinjaAPI

api = NinjaAPI(title="QuantAI", version="1", urls_namespace="api")


@api.get("/ping", auth=None)
@login_not_required
def ping(request: HttpRequest) -> dict[str, str]:
    """The interface answers."""
    return {"status": "pong"}
