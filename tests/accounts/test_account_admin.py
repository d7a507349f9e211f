"""Accounts and groups in the admin: what is shown, refused, written and told of."""

import asyncio
import html
import json
import unicodedata
import uuid

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Group
from pydantic import SecretStr

from accounts import intents, keys
from accounts.account_services import account_create, keys_set
from accounts.models import AccountGroup, ExchangeAccount, Intent, User
from core import audit
from core import redis as core_redis
from core.leases import Leases, Member
from core.logs import MASK
from core.models import AuditEntry
from tests.accounts import planted
from tests.accounts.vault import use_master_keys, var

__all__ = ["var"]

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/exchangeaccount/"
KEY, SECRET = "the-key-of-this-test-7f3a", "the-secret-of-this-test-19"
FIELDS = {
    "venue": "simulator",
    "name": "main",
    "account_type": "PRIMARY",
    "weight": "1.5",
    "enabled": "on",
    "mode": "exchange",
    "position_mode": "one_way",
    "starting_balance": "10000",
}


@pytest.fixture(autouse=True)
def boss(client, var):
    user = User.objects.create_superuser("boss", password="a long password")
    client.force_login(user)
    return user


def create(name="main", **more):
    return account_create(actor="x", **{"venue": "simulator", "name": name} | more)


def with_key(name="main", **more):
    return keys_set(
        create(name, **more),
        actor="x",
        api_key=SecretStr(KEY),
        api_secret=SecretStr(SECRET),
    )


def post(client, path, **changes):
    page = client.post(f"{LIST}{path}", {**FIELDS, **changes}, follow=True)
    return page.content.decode()


def act(client, action, *accounts, **more):
    data = {"action": action, "_selected_action": [one.pk for one in accounts], **more}
    return client.post(LIST, data, follow=True).content.decode()


def actions():
    return list(AuditEntry.objects.values_list("action", "actor"))


# -- one account ------------------------------------------------------------------------


def test_an_account_is_added_with_its_key(client):
    page = post(client, "add/", api_key=KEY, api_secret=SECRET)
    assert "added successfully" in page
    made = ExchangeAccount.objects.get()
    assert keys.credentials(made).api_key.get_secret_value() == KEY
    assert actions() == [("keys.set", "boss"), ("account.create", "boss")]
    assert audit.verify().findings == ()


def test_stored_secrets_are_never_shown_again(client):
    made = with_key()
    pages = [client.get(f"{LIST}{made.pk}/change/").content.decode()]
    pages += [client.get(LIST).content.decode()]
    pages += [client.get(f"{LIST}{made.pk}/history/").content.decode()]
    assert "…7f3a, not checked" in pages[0]
    for page in pages:
        assert KEY not in page
        assert SECRET not in page
        assert made.api_secret_cipher not in page


def test_a_form_that_is_refused_does_not_give_secrets_back(client):
    page = post(client, "add/", api_key=KEY, api_secret=SECRET, weight="-2")
    assert "weight: &#x27;-2&#x27; is refused: must be above 0" in page
    assert KEY not in page
    assert SECRET not in page
    assert not ExchangeAccount.objects.exists()


def test_saving_without_secrets_keeps_the_stored_ones(client):
    made = with_key(mode="exchange")
    post(client, f"{made.pk}/change/", weight="2")
    assert keys.credentials(made).api_key.get_secret_value() == KEY
    newest = AuditEntry.objects.first()
    assert json.loads(newest.before) == {"weight": "1"}
    assert json.loads(newest.after) == {"weight": "2"}


def test_a_key_is_replaced_and_forgotten(client):
    made = with_key(mode="exchange")
    post(client, f"{made.pk}/change/", api_key="another-key-0000-beef", api_secret="s")
    made.refresh_from_db()
    assert made.key_hint == "…beef"
    page = post(client, f"{made.pk}/change/", forget_key="on", api_key="x")
    assert "not together with a new key" in page
    post(client, f"{made.pk}/change/", forget_key="on")
    made.refresh_from_db()
    assert (made.key_hint, made.api_key_cipher) == ("", "")
    assert actions()[0] == ("keys.clear", "boss")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "a b"}, "name: &#x27;a b&#x27; is refused: letters, digits"),
        ({"name": ""}, "name: &#x27;&#x27; is refused: This field is required"),
        ({"weight": "x"}, "weight: &#x27;x&#x27; is refused: Enter a number"),
        ({"starting_balance": "0"}, "is refused: must be above 0"),
        ({"mode": "live"}, "mode: &#x27;live&#x27; is refused"),
        ({"venue": "kraken"}, "venue: &#x27;kraken&#x27; is refused: must be one of"),
        ({"venue": "binance"}, "wait for the risk engine"),
        ({"api_key": KEY}, "the secret is empty"),
        ({"api_secret": SECRET}, "must be 1 to 256 printable"),
        (
            {"api_key": KEY, "api_secret": "-----BEGIN PRIVATE KEY-----\nhunter2"},
            "cannot be read",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_field_value_and_rule(client, changes, told):
    page = post(client, "add/", **changes)
    assert told in page
    assert "hunter2" not in page
    assert not ExchangeAccount.objects.exists()


def test_a_form_in_chinese_says_its_rules_in_chinese(client):
    client.cookies["django_language"] = "zh-hans"
    page = post(
        client, "add/", api_key=KEY, api_secret="-----BEGIN nothing", weight="0"
    )
    assert f"Secret 密钥：不接受 {MASK!r}，无法读取私钥" in html.unescape(page)
    assert "权重：不接受 '0'，必须大于 0 且小于" in html.unescape(page)
    assert "持仓模式" in page
    assert "不会再显示" in page
    assert " is refused" not in page
    assert not ExchangeAccount.objects.exists()


def test_a_name_that_is_taken_is_refused_once(client):
    create()
    page = post(client, "add/")
    assert page.count("simulator has such an account") == 1


def test_the_venue_of_an_account_cannot_be_changed(client):
    made = create(mode="exchange")
    post(client, f"{made.pk}/change/", venue="testnet")
    made.refresh_from_db()
    assert made.venue == "simulator"


def test_a_master_key_that_does_not_fit_is_told_and_nothing_is_stored(client, settings):
    made = with_key(mode="exchange")
    use_master_keys(settings, keys=[Fernet.generate_key().decode()])
    page = post(
        client, f"{made.pk}/change/", weight="9", api_key=KEY, api_secret=SECRET
    )
    assert "is not the one that it was stored with" in page
    made.refresh_from_db()
    assert made.weight == 1


def test_an_account_with_orders_cannot_be_deleted(client):
    free, busy = create("free"), create("busy")
    planted.order(busy)
    for one in (free, busy):
        client.post(f"{LIST}{one.pk}/delete/", {"post": "yes"})
    assert [one.name for one in ExchangeAccount.objects.all()] == ["busy"]
    assert actions()[0] == ("account.delete", "boss")


# -- many accounts ----------------------------------------------------------------------


def test_accounts_are_searched_and_filtered(client):
    with_key("alpha", group=AccountGroup.objects.get(name="neutral"))
    create("beta", venue="testnet", mode="exchange")
    checked = with_key("gamma")
    ExchangeAccount.objects.filter(pk=checked.pk).update(
        key_check={"passed": False}, key_checked_at=planted.NOW
    )

    def shown(query):
        page = client.get(f"{LIST}?{query}").content.decode()
        return [name for name in ("alpha", "beta", "gamma") if f">{name}</a>" in page]

    assert shown("q=alp") == ["alpha"]
    assert shown("q=neutral") == ["alpha"]
    assert shown("venue=testnet") == ["beta"]
    assert shown("mode=exchange") == ["beta"]
    assert shown("key=none") == ["beta"]
    assert shown("key=unchecked") == ["alpha"]
    assert shown("key=failed") == ["gamma"]
    assert shown("key=passed") == []


def test_badge_and_check_stand_in_the_list(client):
    create("toy")
    create("sim", mode="exchange")
    page = client.get(LIST).content.decode()
    assert ">PAPER<" in page
    assert ">SIMULATED<" in page


def test_accounts_are_disabled_and_enabled_in_bulk(client):
    made = [create(f"a{n}") for n in range(3)]
    assert "Disabled: a0, a1" in act(client, "disable", *made[:2])
    assert ExchangeAccount.objects.filter(enabled=True).count() == 1
    assert "Enabled: a0, a1" in act(client, "enable", *made)
    assert (
        actions()[:4]
        == [("account.enable", "boss")] * 2 + [("account.disable", "boss")] * 2
    )


def test_deleting_many_stops_at_one_with_orders(client):
    free, busy = create("free"), create("busy")
    planted.order(busy)
    act(client, "delete_selected", free, busy, post="yes")
    assert ExchangeAccount.objects.count() == 2
    act(client, "delete_selected", free, post="yes")
    assert [one.name for one in ExchangeAccount.objects.all()] == ["busy"]


def test_positions_are_closed_by_an_intent_once_confirmed(client, bus):
    async def show_life():
        redis = core_redis.client()
        member = Member.here("trader", uuid.uuid4().hex[:6])
        job = intents.job("simulator")
        leases = Leases(redis, job, member, count=1, seconds=intents.LEASE_SECONDS)
        await leases.beat()
        await redis.aclose()

    made = [create("a"), create("b"), create("c", venue="testnet")]
    planted.position(made[0], "BTCUSDT", "0.5", "100")
    page = act(client, "close_positions", *made)
    assert "a: BTCUSDT BOTH 0.5" in page
    assert not Intent.objects.exists()
    assert "No trader is running" in act(
        client, "close_positions", *made, confirmed="yes"
    )
    asyncio.run(show_life())
    assert "The trader was asked to close all positions of a, b" in act(
        client, "close_positions", *made, confirmed="yes"
    )
    intent = Intent.objects.get()
    assert (intent.kind, intent.actor, intent.source) == ("close", "boss", "admin")
    assert intent.payload["accounts"] == ["a", "b"]
    assert actions()[0] == ("positions.close", "boss")
    assert "No selected account is on simulator" in act(
        client, "close_positions", made[2]
    )


def test_keys_without_an_exchange_are_not_checked_and_it_is_said(client, bus):
    assert "has a key" in act(client, "check_keys", create("bare"))
    assert "address is not known" in act(client, "check_keys", with_key())


def test_who_may_only_look_can_do_nothing(client):
    made = create()
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    client.force_login(viewer)
    page = client.get(LIST).content.decode()
    assert "main" in page
    assert "Disable selected" not in page
    act(client, "disable", made)
    made.refresh_from_db()
    assert made.enabled


# -- groups -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["策略一", "Ωμέγα", "cafe\u0301"])
def test_a_group_is_named_in_any_script(client, name):
    path = "/admin/accounts/accountgroup/"
    client.post(f"{path}add/", {"name": name, "description": ""})
    create(group=AccountGroup.objects.get(name=name))
    shown = unicodedata.normalize("NFC", name)
    for listed, found in (("accountgroup", shown), ("exchangeaccount", "main")):
        page = client.get(f"/admin/accounts/{listed}/", {"q": shown})
        assert f">{found}</a>" in page.content.decode()


def test_groups_are_managed_and_told_of(client):
    path = "/admin/accounts/accountgroup/"
    client.post(f"{path}add/", {"name": "slow", "description": "d"})
    group = AccountGroup.objects.get(name="slow")
    create(group=group)
    page = client.get(f"{path}?q=slow").content.decode()
    assert '<td class="field-accounts">1</td>' in page
    client.post(f"{path}{group.pk}/change/", {"name": "calm", "description": "d"})
    page = client.post(f"{path}add/", {"name": "calm", "description": ""})
    assert "name: &#x27;calm&#x27; is refused" in page.content.decode()
    client.post(f"{path}{group.pk}/delete/", {"post": "yes"})
    assert ExchangeAccount.objects.get().group is None
    assert [one[0] for one in actions()] == [
        *("group.delete", "group.update", "account.create", "group.create"),
    ]
