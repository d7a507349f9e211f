"""The REST interface: mounts the apps' routers under ``/api/v1``."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.errors import ValidationError, ValidationErrorContext

from accounts.api import router as accounts_router
from core.api import router as core_router
from market.api import router as market_router
from quantai_site.api_auth import BrowserAuth, TokenAuth
from quantai_site.api_errors import register, validation_error
from risk.api import router as risk_router
from training.api import router as training_router

# Pages for people; everything else answers 401 itself instead of asking for a login.
PAGES = {"openapi-view", "openapi-json"}


class Interface(NinjaAPI):
    """Ninja with our shape of validation errors."""

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        return validation_error(error_contexts)


# A token is looked at first: a program has no cookie whose CSRF token could be checked.
api = Interface(
    title="QuantAI",
    version=settings.VERSION,
    urls_namespace="api",
    auth=[TokenAuth(), BrowserAuth()],
)
register(api)


@api.get("/ping", auth=None, tags=["site"])
def ping(request: HttpRequest) -> dict[str, str]:
    """The interface answers."""
    return {"status": "pong"}


api.add_router("", core_router, tags=["site"])
api.add_router("/market", market_router, tags=["market"])
api.add_router("", accounts_router, tags=["accounts"])
api.add_router("/risk", risk_router, tags=["risk"])
api.add_router("/training", training_router, tags=["training"])


def open_urls(interface: NinjaAPI) -> tuple[list[URLPattern | URLResolver], str, str]:
    """An interface's addresses, exempt from the pages' login redirect."""
    patterns, app_name, namespace = interface.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.name not in PAGES:
            pattern.callback.login_required = False  # type: ignore[attr-defined]
    return patterns, app_name, namespace
