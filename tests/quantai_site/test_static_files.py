import gzip

import pytest
from django.test import AsyncClient

from quantai_site import plotly_files


def test_plotly_is_served_from_the_package_without_login(client):
    response = client.get("/static/plotly/plotly.min.js")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/javascript")
    original = plotly_files.package_folder() / plotly_files.NAME
    assert response.content == original.read_bytes()


def test_an_unchanged_file_is_not_sent_again(client):
    first = client.get("/static/ninja/swagger-ui.css")
    again = client.get(
        "/static/ninja/swagger-ui.css",
        headers={"If-Modified-Since": first["Last-Modified"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert "max-age=0" in first["Cache-Control"]


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_404(client):
    assert client.get("/static/nothing.js").status_code == 404


async def test_files_are_served_under_asgi_too():
    response = await AsyncClient().get("/static/ninja/swagger-ui.css")
    assert response.status_code == 200
    assert b"swagger" in response.content


def test_plotly_is_compressed_once_for_each_version(tmp_path):
    assert plotly_files.plotly_folder(tmp_path) == plotly_files.package_folder()
    assert plotly_files.compress(tmp_path)
    assert not plotly_files.compress(tmp_path)
    folder = plotly_files.plotly_folder(tmp_path)
    plain = (folder / "plotly.min.js").read_bytes()
    packed = (folder / "plotly.min.js.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 3
