"""Who calls the REST interface, and whether they may."""

from django.http import HttpRequest
from ninja.errors import AuthorizationError
from ninja.security import HttpBearer, SessionAuth

from accounts.models import User
from accounts.selectors import token_by_text
from accounts.services import token_touch
from core.access import Scope, may

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def needed_scope(method: str | None) -> Scope:
    """Reading needs ``read``; whatever changes something needs ``trade``."""
    return Scope.READ if method in SAFE_METHODS else Scope.TRADE


class TokenAuth(HttpBearer):
    """``Authorization: Bearer TOKEN``; no cookies, so no CSRF."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        found = token_by_text(token)
        if found is None:
            return None
        user = found.user
        scope = Scope(found.scope)
        if not may(user, scope=scope, needed=needed_scope(request.method)):
            raise AuthorizationError(
                message=f"This token's scope ({scope}) or its owner's role "
                "does not allow that."
            )
        token_touch(found)
        request.user = user
        return user


class BrowserAuth(SessionAuth):
    """The login of a page; writes need the CSRF token (checked before)."""

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        user = request.user
        if not isinstance(user, User):
            return None
        if not may(user, scope=None, needed=needed_scope(request.method)):
            raise AuthorizationError(message="Your role does not allow that.")
        return user
