import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from accounts.services import token_create
from core.access import Scope
from core.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss", password="a long password")
    client.force_login(user)
    return user


def test_tokens_are_listed_without_their_text(client, boss):
    token, text = token_create(user=boss, scope=Scope.READ, days=None)
    for path in ("", f"{token.pk}/change/"):
        page = client.get(f"/admin/accounts/apitoken/{path}").content.decode()
        assert token.prefix in page
        assert text not in page
        assert token.digest not in page


def test_tokens_cannot_be_made_in_the_admin(client, boss):
    assert client.get("/admin/accounts/apitoken/add/").status_code == 403


def test_people_are_managed_in_the_admin(client, boss):
    assert b"boss" in client.get("/admin/accounts/user/").content


def test_what_is_done_to_people_and_tokens_is_in_the_audit_trail(client, boss):
    alice = User.objects.create_user("alice")
    path = f"/admin/accounts/user/{alice.pk}/"
    group = Group.objects.get(name="trader")
    fields = {"username": "alice", "is_active": "on", "groups": [group.pk]}
    times = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(f"{path}change/", fields | times).status_code == 302
    new = {"password1": "hunter2-hunter2", "password2": "hunter2-hunter2"}
    client.post(f"{path}password/", {"usable_password": "true", **new})
    token, text = token_create(user=alice, scope=Scope.READ, days=None)
    client.post(f"/admin/accounts/apitoken/{token.pk}/delete/", {"post": "yes"})
    client.post(f"{path}delete/", {"post": "yes"})
    entries = list(AuditEntry.objects.order_by("number"))
    assert [one.action for one in entries] == [
        *("user.change", "user.change", "apitoken.create"),
        *("apitoken.delete", "user.delete"),
    ]
    assert '"roles":["trader"]' in entries[0].after
    whole = " ".join(one.before + one.after + one.target for one in entries)
    assert "hunter2" not in whole
    assert text not in whole


def test_the_admin_is_closed_to_others(client):
    client.force_login(User.objects.create_user("alice"))
    assert client.get("/admin/accounts/user/").status_code == 302
