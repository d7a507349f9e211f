import pytest

from accounts.models import User
from accounts.services import token_create
from core.access import Scope

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


def test_the_admin_is_closed_to_others(client):
    client.force_login(User.objects.create_user("alice"))
    assert client.get("/admin/accounts/user/").status_code == 302
