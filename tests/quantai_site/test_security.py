import pytest
from channels.testing import WebsocketCommunicator
from django.urls import reverse

from accounts.models import User
from quantai_site.asgi import application

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client):
    user = User.objects.create_user("alice", password="a long password")
    client.force_login(user)
    return user


@pytest.mark.parametrize("path", ["/", "/market/", "/settings/", "/api/v1/docs"])
def test_pages_ask_for_a_login(client, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


def test_scripts_come_from_here_only_and_never_inline(client):
    policy = client.get(reverse("login"))["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["object-src"] == "'none'"


def test_pages_cannot_be_framed_or_sniffed(client):
    response = client.get(reverse("login"))
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_login_sets_a_cookie_that_scripts_cannot_read(client):
    User.objects.create_user("alice", password="a long password")
    response = client.post(
        reverse("login"), {"username": "alice", "password": "a long password"}
    )
    assert response["Location"] == reverse("overview")
    cookie = response.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_logging_out_ends_the_session(client, member):
    assert client.post(reverse("logout")).status_code == 302
    assert client.get("/settings/").status_code == 302


def test_secrets_do_not_appear_on_the_settings_page(client, member, settings):
    page = client.get("/settings/").content.decode()
    assert settings.SECRET_KEY not in page
    assert "WS_PING_INTERVAL" in page


@pytest.mark.django_db(transaction=True)
async def test_a_socket_from_another_site_is_refused():
    socket = WebsocketCommunicator(
        application,
        "/ws/live",
        headers=[(b"origin", b"https://evil.example"), (b"host", b"localhost")],
    )
    connected, _ = await socket.connect()
    assert not connected


@pytest.mark.django_db(transaction=True)
async def test_a_socket_without_login_is_closed_with_4401():
    socket = WebsocketCommunicator(
        application,
        "/ws/live",
        headers=[(b"origin", b"http://localhost"), (b"host", b"localhost")],
    )
    connected, code = await socket.connect()
    if connected:
        code = (await socket.receive_output())["code"]
    assert code == 4401
