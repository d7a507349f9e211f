import pytest
from django.contrib.auth.models import AnonymousUser, Group

from accounts.models import User
from core.access import Role, Scope, has_role, may

pytestmark = pytest.mark.django_db


def user(*roles, **fields):
    made = User.objects.create(username="alice", **fields)
    made.groups.set(Group.objects.filter(name__in=roles))
    return made


def test_a_wider_scope_covers_a_narrower_one():
    assert Scope.ADMIN.covers(Scope.READ)
    assert Scope.TRADE.covers(Scope.TRADE)
    assert not Scope.READ.covers(Scope.TRADE)


@pytest.mark.parametrize(
    ("role", "trade", "admin"),
    [
        (Role.VIEWER, False, False),
        (Role.TRADER, True, False),
        (Role.RISK, True, False),
        (Role.ADMIN, True, True),
    ],
)
def test_roles_decide_what_a_person_may_do(role, trade, admin):
    person = user(role)
    assert may(person, scope=None, needed=Scope.READ)
    assert may(person, scope=None, needed=Scope.TRADE) is trade
    assert may(person, scope=None, needed=Scope.ADMIN) is admin


def test_a_token_never_allows_more_than_its_scope_or_its_owner():
    trader = user(Role.TRADER)
    assert not may(trader, scope=Scope.READ, needed=Scope.TRADE)
    assert may(trader, scope=Scope.TRADE, needed=Scope.TRADE)
    assert not may(trader, scope=Scope.ADMIN, needed=Scope.ADMIN)


def test_nobody_without_a_login_has_a_role():
    assert not has_role(AnonymousUser(), Role.VIEWER)
    assert not may(AnonymousUser(), scope=None, needed=Scope.READ)


def test_a_superuser_has_every_role():
    assert has_role(user(is_superuser=True), Role.RISK)
