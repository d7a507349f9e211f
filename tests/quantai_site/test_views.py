import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from core.export import Table
from core.venues import badge


@pytest.fixture
def signed_in(client, db):
    client.force_login(get_user_model().objects.create_user("alice"))
    return client


@pytest.mark.django_db
def test_overview_shows_the_venue_badge(signed_in):
    page = signed_in.get(reverse("overview")).content.decode()
    assert 'data-venue="SIMULATED"' in page


@pytest.mark.django_db
def test_pages_and_files_say_live_once_the_modes_do(signed_in, settings):
    assert badge("binance") == "PAPER"
    settings.VENUE_BADGES = {"simulator": "LIVE"}
    page = signed_in.get(reverse("overview")).content.decode()
    assert 'data-venue="LIVE"' in page
    assert Table("orders", "simulator", {}, ()).head()["badge"] == "LIVE"


@pytest.mark.django_db
def test_settings_lists_every_setting_with_its_source(signed_in, settings):
    page = signed_in.get(reverse("settings")).content.decode()
    rows = list(settings.QUANTAI.rows())
    assert len(re.findall(r"<tr data-changed=", page)) == len(rows)
    assert all(f">{row.variable}<" in page for row in rows)


@pytest.mark.django_db
def test_pages_hold_no_inline_script_or_style(signed_in):
    for name in ("overview", "settings"):
        page = signed_in.get(reverse(name)).content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)", page)
        assert not re.findall(r"\s(?:style|on\w+)=", page)
