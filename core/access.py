"""Roles of people, scopes of tokens, and the questions asked about them.

Lower apps ask here and never import the user model.
"""

from enum import StrEnum
from typing import Any, Protocol


class Role(StrEnum):
    """Groups of people; each is a Django group of the same name."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token may do; a later one includes the earlier ones."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"

    def covers(self, needed: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class Actor(Protocol):
    """What is asked of a user here; Django's User answers it."""

    is_superuser: bool
    groups: Any

    @property
    def is_authenticated(self) -> bool: ...


def has_role(user: Actor, *roles: Role) -> bool:
    """Whether the user is in one of the groups; admins and superusers always are."""
    if not user.is_authenticated:
        return False
    if user.is_superuser:
        return True
    wanted = {Role.ADMIN.value, *(role.value for role in roles)}
    return bool(user.groups.filter(name__in=wanted).exists())


def may(user: Actor, *, scope: Scope | None, needed: Scope) -> bool:
    """Whether a request may do what needs ``needed``.

    ``scope`` is the token's, or None for a browser session. Reading needs a login,
    trading (feed control included) the role trader or risk, administration admin;
    a token never allows more than its owner.
    """
    if scope is not None and not scope.covers(needed):
        return False
    if needed is Scope.READ:
        return user.is_authenticated
    if needed is Scope.TRADE:
        return has_role(user, Role.TRADER, Role.RISK)
    return has_role(user)
