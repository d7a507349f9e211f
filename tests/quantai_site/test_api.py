import json

import pytest
from django.contrib.auth.models import Group
from django.db import DataError
from django.test import Client
from ninja import Router
from ninja.errors import HttpError

from accounts.models import User
from accounts.services import token_create
from core.access import Role, Scope
from core.errors import BusUnavailable, InvalidInput
from quantai_site import api as site_api
from quantai_site.api_auth import needed_scope

pytestmark = pytest.mark.django_db
PROBE = "/api/v1/probe"


@pytest.fixture(scope="module", autouse=True)
def _probe():
    """Routes that fail in every way, mounted on an interface like the real one."""
    router = Router()

    @router.get("/number")
    def number(request, size: int):
        return {"size": size, "user": request.user.username}

    @router.post("/write")
    def write(request):
        return {"written": True}

    @router.get("/refused")
    def refused(request):
        raise InvalidInput("symbol", "XYZ", "must be followed")

    @router.get("/empty")
    def empty(request):
        raise HttpError(404, "no_data: nobody looks at it yet")

    @router.get("/later")
    def later(request):
        raise BusUnavailable("Redis cannot be reached")

    @router.get("/unfit")
    def unfit(request):
        raise DataError("text fields cannot contain NUL (0x00) bytes")

    @router.get("/broken")
    def broken(request):
        raise RuntimeError("password=hunter2")

    interface = site_api.Interface(
        urls_namespace="probe",
        auth=site_api.api.auth,
        version="probe",
        docs_url=None,
        openapi_url=None,
    )
    site_api.register(interface)
    interface.add_router("/probe", router)
    return interface


@pytest.fixture(autouse=True)
def _mounted(_probe, settings):
    from django.urls import include, path

    from quantai_site import urls

    patterns = site_api.open_urls(_probe)
    extra = path("api/v1/", include((patterns[0], "probe"), namespace="probe"))

    class Root:
        urlpatterns = [extra, *urls.urlpatterns]
        handler404 = "django.views.defaults.page_not_found"

    settings.ROOT_URLCONF = Root


@pytest.fixture
def trader():
    user = User.objects.create_user("alice", password="a long password")
    user.groups.add(Group.objects.get(name=Role.TRADER))
    return user


@pytest.fixture
def viewer():
    user = User.objects.create_user("bob", password="a long password")
    user.groups.add(Group.objects.get(name=Role.VIEWER))
    return user


def bearer(user, scope=Scope.READ, days=None):
    return {
        "Authorization": f"Bearer {token_create(user=user, scope=scope, days=days)[1]}"
    }


def body(response):
    assert response["Content-Type"].startswith("application/json")
    found = json.loads(response.content)
    if response.status_code >= 400:
        assert set(found) == {"code", "message", "details"}
    return found


def test_ping_needs_no_login(client):
    response = client.get("/api/v1/ping")
    assert (response.status_code, body(response)) == (200, {"status": "pong"})


def test_without_login_the_answer_is_401_and_no_redirect(client):
    response = client.get(f"{PROBE}/number?size=1")
    assert response.status_code == 401
    assert body(response)["code"] == "not_authenticated"


def test_a_browser_session_may_read(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/number?size=1")
    assert body(response) == {"size": 1, "user": "bob"}


def test_a_browser_write_needs_the_csrf_token(trader):
    client = Client(enforce_csrf_checks=True)
    client.force_login(trader)
    response = client.post(f"{PROBE}/write")
    assert response.status_code == 403
    assert body(response)["code"] == "not_allowed"
    client.cookies["csrftoken"] = "a" * 32
    response = client.post(f"{PROBE}/write", headers={"X-CSRFToken": "a" * 32})
    assert body(response) == {"written": True}


def test_a_viewer_may_not_write(client, viewer):
    client.force_login(viewer)
    assert client.post(f"{PROBE}/write").status_code == 403


def test_a_token_reads_without_cookie_and_its_use_is_remembered(client, viewer):
    response = client.get(f"{PROBE}/number?size=2", headers=bearer(viewer))
    assert body(response) == {"size": 2, "user": "bob"}
    assert viewer.api_tokens.get().last_used_at is not None


def test_a_token_that_only_reads_may_not_write(client, trader):
    response = client.post(f"{PROBE}/write", headers=bearer(trader, Scope.READ))
    assert response.status_code == 403
    assert "read" in body(response)["message"]


def test_a_trading_token_writes_without_csrf(trader):
    client = Client(enforce_csrf_checks=True)
    response = client.post(f"{PROBE}/write", headers=bearer(trader, Scope.TRADE))
    assert body(response) == {"written": True}


def test_a_trading_token_of_a_viewer_does_not_make_a_trader(client, viewer):
    response = client.post(f"{PROBE}/write", headers=bearer(viewer, Scope.TRADE))
    assert response.status_code == 403


@pytest.mark.parametrize("change", ["expired", "unknown", "inactive"])
def test_a_token_that_is_no_longer_good_is_401(client, viewer, change):
    headers = bearer(viewer, days=1)
    if change == "expired":
        viewer.api_tokens.update(expires_at="2020-01-01T00:00:00Z")
    elif change == "unknown":
        headers = {"Authorization": "Bearer nonsense"}
    else:
        User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert client.get(f"{PROBE}/number?size=1", headers=headers).status_code == 401


def test_wrong_input_names_field_value_and_rule(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/number?size=big")
    assert response.status_code == 422
    detail = body(response)["details"][0]
    assert (detail["field"], detail["value"]) == ("size", "big")
    assert "integer" in detail["rule"]


def test_input_refused_by_a_service_looks_the_same(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/refused")
    assert response.status_code == 422
    assert body(response)["details"] == [
        {"field": "symbol", "value": "XYZ", "rule": "must be followed"}
    ]


def test_what_may_work_later_is_503(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/later")
    assert (response.status_code, body(response)["code"]) == (503, "unavailable")


def test_an_error_may_carry_a_code_of_its_own(client, viewer):
    client.force_login(viewer)
    found = body(client.get(f"{PROBE}/empty"))
    assert found["code"] == "no_data"
    assert found["message"] == "nobody looks at it yet"


def test_a_value_that_the_database_refuses_is_no_failure_of_ours(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/unfit")
    assert (response.status_code, body(response)["code"]) == (422, "invalid_input")


def test_a_failure_of_ours_tells_nothing_but_that(client, viewer):
    client.force_login(viewer)
    response = client.get(f"{PROBE}/broken")
    assert (response.status_code, body(response)["code"]) == (500, "internal_error")
    assert b"hunter2" not in response.content


def test_an_unknown_path_is_404_in_json(client):
    response = client.get("/api/v1/nothing/here")
    assert (response.status_code, body(response)["code"]) == (404, "not_found")


def test_a_wrong_method_is_405_in_json(client, viewer):
    client.force_login(viewer)
    response = client.delete(f"{PROBE}/write")
    assert (response.status_code, body(response)["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "POST"


def test_the_documentation_needs_a_login_and_no_foreign_script(client, viewer):
    assert client.get("/api/v1/docs").status_code == 302
    client.force_login(viewer)
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert 'src="/static/ninja/swagger-ui-bundle.js"' in text
    assert "//cdn" not in text
    assert "unsafe" not in page["Content-Security-Policy"].partition("style-src")[0]
    schema = json.loads(client.get("/api/v1/openapi.json").content)
    assert "/api/v1/market/connections" in schema["paths"]


@pytest.mark.parametrize(
    ("method", "scope"),
    [("GET", Scope.READ), ("POST", Scope.TRADE), ("DELETE", Scope.TRADE)],
)
def test_whatever_changes_something_needs_more_than_reading(method, scope):
    assert needed_scope(method) is scope
