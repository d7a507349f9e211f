import pytest
from django.test import Client

from accounts.models import User
from tests.training import planted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def admin():
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize(
    ("page", "word", "said"),
    [
        ("study", "typical", "typical"),
        ("trial", "its process", "its process died"),
        ("modelversion", "first", "candidate"),
    ],
)
def test_rows_are_found_and_looked_at_but_not_changed(admin, page, word, said):
    study = planted.typical()
    version = planted.version(study.trials.get(number=0))
    number = {"study": study.id, "modelversion": version.id}.get(
        page, study.trials.get(number=2).id
    )
    place = f"/admin/training/{page}/"
    listed = admin.get(place, {"q": word})
    assert listed.status_code == 200
    assert said in listed.content.decode()
    assert admin.get(f"{place}{number}/change/").status_code == 200
    assert admin.get(f"{place}add/").status_code == 403
    assert admin.post(f"{place}{number}/change/", {}).status_code == 403
    assert admin.post(f"{place}{number}/delete/", {"post": "yes"}).status_code == 403
