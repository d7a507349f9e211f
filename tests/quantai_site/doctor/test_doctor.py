import io

import pytest
from django.core.management import call_command

from accounts.keys import check_master_key
from quantai_site import config
from quantai_site.doctor import exchange, machine, services
from quantai_site.doctor.findings import Level, fail, ok
from quantai_site.site_settings import SiteSettings
from quantai_site.warnings import warnings
from tests.accounts.vault import var

__all__ = ["var"]


def loaded(**environ):
    return config.load(environ, folder=config.FILES_DIR)


@pytest.mark.django_db
def test_a_fresh_installation_has_nothing_that_fails(tmp_path):
    out = io.StringIO()
    call_command("doctor", stdout=out)
    lines = out.getvalue().splitlines()
    assert all(line.split()[0] in ("ok", "warn") for line in lines[:-1])
    assert lines[-1].endswith("0 fail")


def test_a_finding_is_one_line_with_advice():
    assert ok("disk", "fine").line() == "ok    disk         fine"
    assert fail("disk", "full", "free some").line().endswith("full → free some")


def test_the_pins_are_compared_with_what_is_installed(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text('django==0.1\nno-such-package==1\nx==1; python_version < "3"\n')
    wrong = list(machine._wrong_packages(path))
    assert len(wrong) == 2
    assert wrong[0].startswith("django is ")
    assert wrong[1] == "no-such-package is missing"
    assert machine.check_packages().level is Level.OK


def test_sqlite_on_a_network_disk_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_disk_kind", lambda folder: "nfs4")
    found = machine.check_var(SiteSettings(var=tmp_path))
    assert found.level is Level.FAIL
    assert "local disk" in found.advice


def test_an_ephemeral_disk_is_warned_about(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_disk_kind", lambda folder: "tmpfs")
    assert machine.check_var(SiteSettings(var=tmp_path)).level is Level.WARN


def test_a_folder_that_cannot_be_written_fails(tmp_path):
    (tmp_path / "file").touch()
    found = machine.check_var(SiteSettings(var=tmp_path / "file" / "var"))
    assert found.level is Level.FAIL


@pytest.mark.parametrize(
    ("free", "level"), [(100, Level.FAIL), (2**30, Level.WARN), (2**40, Level.OK)]
)
def test_little_disk_space_is_said(tmp_path, monkeypatch, free, level):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    assert machine.check_disk(SiteSettings(var=tmp_path)).level is level


@pytest.mark.parametrize(
    ("offset", "level"), [(100, Level.OK), (900, Level.WARN), (-9000, Level.FAIL)]
)
def test_a_wrong_clock_is_found_beyond_the_round_trip(offset, level):
    assert exchange._clock(offset, round_trip_ms=50).level is level


def test_an_exchange_that_cannot_be_reached_fails_with_advice():
    found = exchange.check_exchange(
        loaded(EXCHANGE="simulator", MARKET_SIMULATOR_URL="https://127.0.0.1:1")
    )
    assert [item.level for item in found] == [Level.FAIL]


def test_a_simulator_that_is_not_running_is_no_fault():
    assert exchange.check_exchange(loaded())[0].level is Level.OK


def test_a_redis_of_ones_own_that_is_away_fails(settings):
    settings.QUANTAI = loaded(REDIS_URL="redis://127.0.0.1:1/0")
    assert services.check_redis(settings.QUANTAI).level is Level.FAIL


def test_embedded_servers_in_production_are_warned_about(tmp_path):
    plain = loaded(QUANTAI_VAR=str(tmp_path))
    public = loaded(QUANTAI_VAR=str(tmp_path), HOST="0.0.0.0")
    assert warnings(plain) == []
    text = "\n".join(warnings(public))
    for name in ("REDIS_URL", "DATABASE_URL", "ALLOWED_HOSTS"):
        assert name in text


@pytest.mark.django_db
def test_a_master_key_that_others_can_read_fails(var):
    assert services.check_master_keys().level is Level.OK
    assert not (var / "master_keys").exists()
    check_master_key()
    assert services.check_master_keys().level is Level.OK
    (var / "master_keys").chmod(0o644)
    found = services.check_master_keys()
    assert found.level is Level.FAIL
    assert "chmod 600" in found.fact
