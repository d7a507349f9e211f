"""The page of state and limits: who sees it, who may change limits on it."""

import re
from typing import get_args

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import User
from quantai_site.site_settings import BASE_DIR
from risk.domain.gate import STATES, Code

pytestmark = pytest.mark.django_db


@pytest.fixture
def page_of(client):
    def read(*roles):
        user = User.objects.create(username="-".join(roles) or "nobody")
        user.groups.set([Group.objects.get(name=role) for role in roles])
        client.force_login(user)
        return client.get(reverse("risk:risk")).content.decode()

    return read


def test_it_takes_a_login(client):
    answer = client.get(reverse("risk:risk"))
    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=/risk/")


@pytest.mark.parametrize("role", ["risk", "admin"])
def test_who_watches_risk_may_save_limits(page_of, role):
    page = page_of(role)
    assert 'id="limits-save"' in page
    assert 'data-may-set="yes"' in page


@pytest.mark.parametrize("roles", [("trader",), ("viewer",), ()])
def test_others_see_limits_without_a_button(page_of, roles):
    page = page_of(*roles)
    assert 'id="limit-max-notional"' in page
    assert 'id="limits-save"' not in page
    assert 'data-may-set="no"' in page


def test_it_is_in_the_navigation_and_holds_no_inline_script_or_style(page_of):
    page = page_of("viewer")
    assert re.search(r'href="/risk/" aria-current="page"', page)
    assert not re.findall(r"<script(?![^>]*\bsrc=)", page)
    assert not re.findall(r"\s(?:style|on\w+)=", page)


def test_every_code_of_the_gate_and_every_state_has_words_on_the_page():
    scripts = BASE_DIR / "static" / "js"
    page = (scripts / "pages" / "risk.js").read_text()
    for code in get_args(Code):
        assert re.search(rf'^  {code}: t\("', page, re.MULTILINE), code
    words = (scripts / "risk.js").read_text()
    for state in STATES:
        assert re.search(rf"^  {state}: \[", words, re.MULTILINE), state
