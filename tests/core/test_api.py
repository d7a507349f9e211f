import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from core import alerts
from core.access import Role

pytestmark = pytest.mark.django_db
PATH = "/api/v1/alerts"


@pytest.fixture(autouse=True)
def _bus(bus):
    return bus


def signed_in(name, *roles):
    user = User.objects.create_user(name, password="only-for-tests")
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def raised(key="a", severity="critical"):
    return alerts.alert_raise(
        key=key, severity=severity, source="test", title=f"alert {key}", text="it broke"
    )


def test_alerts_are_listed_newest_first_with_totals_and_a_cursor():
    numbers = [raised(key) for key in "abc"]
    client = signed_in("olga")
    page = client.get(PATH, {"limit": 2}).json()
    assert [row["id"] for row in page["alerts"]] == [numbers[2], numbers[1]]
    assert page["totals"] == {"open": 3, "acknowledged": 0, "resolved": 0}
    assert page["next_after"] == numbers[1]
    rest = client.get(PATH, {"limit": 2, "after": page["next_after"]}).json()
    assert [row["id"] for row in rest["alerts"]] == [numbers[0]]
    assert rest["next_after"] is None


def test_alerts_are_filtered_and_an_unknown_state_is_refused():
    raised("a", "info")
    raised("b")
    alerts.alert_resolve("b")
    client = signed_in("olga")
    found = client.get(PATH, {"state": "resolved"}).json()["alerts"]
    assert [row["key"] for row in found] == ["b"]
    found = client.get(PATH, {"severity": "info"}).json()["alerts"]
    assert [row["key"] for row in found] == ["a"]
    assert len(client.get(PATH, {"state": "", "severity": ""}).json()["alerts"]) == 2
    assert client.get(PATH, {"state": "gone"}).status_code == 422


def test_a_trader_acknowledges_and_is_named():
    number = raised()
    client = signed_in("ivan", Role.TRADER)
    answer = client.post(f"{PATH}/{number}/acknowledge")
    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"] == "ivan"
    assert client.get(PATH).json()["totals"]["acknowledged"] == 1


def test_a_viewer_may_look_and_not_acknowledge():
    number = raised()
    client = signed_in("olga", Role.VIEWER)
    assert client.get(PATH).status_code == 200
    assert client.post(f"{PATH}/{number}/acknowledge").status_code == 403
    page = client.get("/alerts/")
    assert page.status_code == 200
    assert b'data-may-acknowledge="no"' in page.content


def test_what_is_gone_or_resolved_cannot_be_acknowledged():
    number = raised()
    alerts.alert_resolve("a")
    client = signed_in("ivan", Role.TRADER)
    assert client.post(f"{PATH}/{number}/acknowledge").status_code == 409
    assert client.post(f"{PATH}/{number + 1}/acknowledge").status_code == 404


def test_without_a_login_nothing_is_told():
    assert Client().get(PATH).status_code == 401
    assert Client().get("/alerts/").status_code == 302


def test_the_list_is_there_without_redis(settings):
    raised()
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "redis://127.0.0.1:1/0"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    page = signed_in("olga").get(PATH).json()
    assert (len(page["alerts"]), page["epoch"]) == (1, "")


def test_the_admin_shows_alerts_and_changes_none():
    number = raised()
    admin = User.objects.create_superuser("root", password="only-for-tests")
    client = Client()
    client.force_login(admin)
    assert b"alert a" in client.get("/admin/core/alert/").content
    assert client.get(f"/admin/core/alert/{number}/change/").status_code == 200
    assert client.get("/admin/core/alert/add/").status_code == 403
