import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.selectors import token_by_text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alice():
    return User.objects.create_user("alice")


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_api_token_prints_the_token_alone():
    printed = run("api_token", "alice", "--scope", "trade", "--days", "3")
    assert printed.count("\n") == 1
    token = token_by_text(printed.strip())
    assert (token.user.username, token.scope) == ("alice", "trade")
    assert token.expires_at is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no active user 'nobody'"),
        (["alice", "--days", "0"], "at least 1"),
        (["alice", "--scope", "all"], "invalid choice"),
    ],
)
def test_api_token_explains_what_it_refuses(arguments, message):
    with pytest.raises(CommandError, match=message):
        run("api_token", *arguments)


def test_reset_password_prints_the_new_password_alone():
    password = run("reset_password", "alice").strip()
    assert authenticate(username="alice", password=password) is not None


def test_reset_password_of_nobody_is_an_error():
    with pytest.raises(CommandError, match="no user 'nobody'"):
        run("reset_password", "nobody")
