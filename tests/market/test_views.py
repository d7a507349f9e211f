import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

PAGES = ["market:market", "market:connections", "market:gaps", "market:signals"]


@pytest.fixture
def signed_in(client, db):
    client.force_login(get_user_model().objects.create_user("alice"))
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_for_who_is_signed_in(signed_in, name):
    answer = signed_in.get(reverse(name))
    assert answer.status_code == 200
    assert 'aria-current="page"' in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_page_sends_strangers_to_the_login(client, name):
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("login"))


@pytest.mark.django_db
def test_symbol_page_offers_the_followed_intervals(signed_in):
    page = signed_in.get(reverse("market:symbol", args=["BTCUSDT"])).content.decode()
    assert 'data-symbol="BTCUSDT"' in page
    assert 'data-intervals="15m,1h"' in page


@pytest.mark.django_db
def test_symbol_in_small_letters_moves_to_the_exchange_spelling(signed_in):
    answer = signed_in.get("/market/symbols/btcusdt/")
    assert answer.status_code == 302
    assert answer.url == "/market/symbols/BTCUSDT/"


@pytest.mark.django_db
def test_switches_are_offered_only_with_the_permission(signed_in):
    page = signed_in.get(reverse("market:connections")).content.decode()
    assert 'data-may-control="no"' in page
