import pytest
from django.db import connection

from quantai_site.database import database_settings
from quantai_site.site_settings import SiteSettings


def test_without_a_url_the_database_is_a_file_in_var(tmp_path):
    found = database_settings(SiteSettings(var=tmp_path))
    assert found["ENGINE"] == "django.db.backends.sqlite3"
    assert found["NAME"] == str(tmp_path / "quantai.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("url", "name"),
    [("sqlite:////data/x%20y.db", "/data/x y.db"), ("sqlite:///:memory:", ":memory:")],
)
def test_a_sqlite_url_names_the_file(url, name):
    assert database_settings(SiteSettings(database_url=url))["NAME"] == name


def test_a_postgres_url_gives_every_part():
    url = "postgres://me:p%40ss@db.example:5433/quantai?sslmode=require"
    found = database_settings(SiteSettings(database_url=url))
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == (
        "quantai",
        "me",
        "p@ss",
    )
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_a_postgres_url_may_name_a_socket_folder():
    url = "postgres://me@/quantai?host=/run/pg&port=6000"
    found = database_settings(SiteSettings(database_url=url))
    assert (found["HOST"], found["PORT"], found["OPTIONS"]) == ("/run/pg", "6000", {})


@pytest.mark.django_db
def test_sqlite_waits_instead_of_failing():
    if connection.vendor != "sqlite":
        assert connection.vendor == "postgresql"
        return
    with connection.cursor() as cursor:
        values = {}
        for name in ("busy_timeout", "synchronous"):
            cursor.execute(f"PRAGMA {name}")
            values[name] = cursor.fetchone()[0]
    assert values == {"busy_timeout": 5000, "synchronous": 1}
