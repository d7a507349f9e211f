from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.selectors import token_by_text
from accounts.services import admin_create, password_reset, token_create, token_touch
from core.access import Role, Scope, has_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return User.objects.create_user("alice", password="a long password")


def test_the_first_administrator_can_log_in_with_the_shown_password():
    password = admin_create()
    user = authenticate(username="admin", password=password)
    assert user is not None
    assert user.is_superuser
    assert user.groups.filter(name=Role.ADMIN).exists()
    assert has_role(user, Role.TRADER)


def test_there_is_no_second_first_administrator():
    admin_create()
    assert admin_create() is None
    assert User.objects.count() == 1


def test_a_reset_password_replaces_the_old_one(alice):
    password = password_reset(username="alice")
    assert authenticate(username="alice", password=password) == alice
    assert authenticate(username="alice", password="a long password") is None


def test_only_the_digest_of_a_token_is_stored(alice):
    token, text = token_create(user=alice, scope=Scope.READ, days=None)
    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(stored)
    assert text.startswith(stored["prefix"])
    assert len(text) >= 40
    assert token_by_text(text) == token


def test_a_token_ends_with_its_days(alice):
    token, text = token_create(user=alice, scope=Scope.TRADE, days=2)
    assert token_by_text(text) == token
    left = token.expires_at - timezone.now()
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
    ApiToken.objects.update(expires_at=timezone.now())
    assert token_by_text(text) is None


def test_the_use_of_a_token_is_written_at_most_once_a_minute(alice):
    token, text = token_create(user=alice, scope=Scope.READ, days=None)
    token_touch(token)
    first = token_by_text(text)
    token_touch(first)
    assert token_by_text(text).last_used_at == first.last_used_at
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    old = token_by_text(text)
    token_touch(old)
    assert token_by_text(text).last_used_at > old.last_used_at
