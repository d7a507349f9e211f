import json
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from accounts import account_services as services
from accounts import keys
from accounts.domain.key_check import Verdict
from accounts.models import AccountGroup, ExchangeAccount
from core import audit
from core.errors import Conflict, InvalidInput
from core.models import AuditEntry
from market.binance.signing import Ed25519Signer
from tests.accounts import planted
from tests.accounts.vault import var

__all__ = ["var"]

pytestmark = pytest.mark.django_db
D = Decimal


def create(name="main", venue="simulator", **more):
    return services.account_create(actor="boss", venue=venue, name=name, **more)


def newest():
    entry = AuditEntry.objects.first()
    return entry.action, json.loads(entry.before), json.loads(entry.after)


def pem(key, password=None):
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


# -- accounts ---------------------------------------------------------------------------


def test_an_account_is_made_with_its_defaults_and_told_of():
    made = create(weight=D("1.5"), group=AccountGroup.objects.get(name="aggressive"))
    stored = ExchangeAccount.objects.get()
    assert stored == made
    assert (stored.mode, stored.enabled, stored.weight) == ("paper", True, D("1.5"))
    assert stored.paper_since == stored.created_at > 0
    action, before, after = newest()
    assert (action, before) == ("account.create", None)
    assert (after["weight"], after["group"]) == ("1.5", "aggressive")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("name", "with space", "letters, digits"),
        ("name", "", "blank"),
        ("weight", D(0), "above 0"),
        ("weight", D(-1), "above 0"),
        ("starting_balance", D("1E+15"), "below 1000000000000000"),
        ("weight", "much", "no number"),
        ("weight", D("NaN"), "finite"),
        ("starting_balance", D(0), "above 0"),
        ("account_type", "OTHER", "not a valid choice"),
        ("mode", "live", "not a valid choice"),
        ("position_mode", "both", "not a valid choice"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named_with_field_value_and_rule(
    field, value, rule
):
    with pytest.raises(InvalidInput, match=rule) as caught:
        create(**{"name": "main", field: value})
    assert caught.value.field == field
    assert str(caught.value.value) == str(value)
    assert not ExchangeAccount.objects.exists()
    made = create()
    with pytest.raises(InvalidInput, match=rule):
        services.account_update(made, actor="boss", **{field: value})


def test_an_unknown_venue_or_field_is_refused():
    with pytest.raises(InvalidInput, match="simulator, testnet, binance"):
        create(venue="kraken")
    with pytest.raises(InvalidInput, match="there is no such field"):
        create(api_key_cipher="x")


def test_a_name_is_taken_once_per_venue():
    create()
    create(venue="testnet")
    with pytest.raises(Conflict, match="simulator has such an account"):
        create()


def test_real_money_waits_for_the_risk_engine():
    with pytest.raises(InvalidInput, match="wait for the risk engine"):
        create(venue="binance", mode="exchange", live_enabled=True)
    paper = create(venue="binance", live_enabled=True)
    with pytest.raises(InvalidInput, match="mode: 'exchange' is refused"):
        services.account_update(paper, actor="boss", mode="exchange")


def test_only_what_changed_is_stored_and_told():
    made = create()
    ExchangeAccount.objects.update(enabled=False)
    changed = services.account_update(made, actor="eve", weight=D("2.0"), mode="paper")
    assert (changed.weight, changed.enabled) == (D(2), False)
    assert newest() == ("account.update", {"weight": "1"}, {"weight": "2"})
    count = AuditEntry.objects.count()
    services.account_update(made, actor="eve", weight=D("2.00"))
    assert AuditEntry.objects.count() == count


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("mode", "exchange")])
def test_orders_fix_the_name_and_the_mode(field, value):
    free, busy = create("free"), create("busy")
    planted.order(busy)
    services.account_update(busy, actor="boss", name="busy", mode="paper")
    with pytest.raises(Conflict, match="has orders or fills"):
        services.account_update(busy, actor="boss", **{field: value})
    services.account_update(free, actor="boss", **{field: value})


def test_many_are_disabled_at_once_and_each_is_told_of():
    made = [create(f"a{n}") for n in range(3)]
    services.accounts_enable(made[:1], enabled=False, actor="boss")
    count = AuditEntry.objects.count()
    changed = services.accounts_enable(made, enabled=False, actor="boss")
    assert [one.name for one in changed] == ["a1", "a2"]
    assert AuditEntry.objects.count() == count + 2
    assert newest() == ("account.disable", {"enabled": True}, {"enabled": False})
    assert not ExchangeAccount.objects.filter(enabled=True).exists()


def test_only_an_account_that_did_nothing_can_be_deleted():
    free, busy = create("free"), create("busy")
    planted.order(busy)
    services.account_delete(free, actor="boss")
    assert newest()[0] == "account.delete"
    with pytest.raises(Conflict, match="disable it instead"):
        services.account_delete(busy, actor="boss")
    assert [one.name for one in ExchangeAccount.objects.all()] == ["busy"]


# -- keys -------------------------------------------------------------------------------

KEY, SECRET = "the-key-of-this-test-7f3a", "the-secret-of-this-test-19"


def set_keys(account, key=KEY, secret=SECRET, phrase=""):
    return services.keys_set(
        account,
        actor="boss",
        api_key=SecretStr(key),
        api_secret=SecretStr(secret),
        passphrase=SecretStr(phrase),
    )


def test_a_key_is_stored_encrypted_and_only_hinted_at(var):
    made = create()
    ExchangeAccount.objects.update(key_check={"passed": True}, key_checked_at=1)
    set_keys(made)
    stored = ExchangeAccount.objects.get()
    assert stored.key_hint == "…7f3a"
    assert (stored.key_check, stored.key_checked_at) == ({}, None)
    assert KEY not in repr(vars(stored))
    assert SECRET not in repr(vars(stored))
    assert newest() == (
        "keys.set",
        {"key_hint": ""},
        {"key_hint": "…7f3a", "kind": "Hmac"},
    )


def test_a_private_key_with_a_passphrase_signs(var):
    key = ed25519.Ed25519PrivateKey.generate()
    made = set_keys(create(), secret=pem(key, b"a phrase"), phrase="a phrase")
    found = keys.credentials(made)
    assert found.signer.sign("x") == Ed25519Signer(key).sign("x")
    assert newest()[2]["kind"] == "Ed25519"


@pytest.mark.parametrize(
    ("field", "key", "secret", "phrase"),
    [
        ("api_key", " ", SECRET, ""),
        ("api_key", "hunter2\nhunter2", SECRET, ""),
        ("api_key", "hünter2", SECRET, ""),
        ("api_key", "hunter2" * 40, SECRET, ""),
        ("api_secret", KEY, "  ", ""),
        ("api_secret", KEY, "-----BEGIN PRIVATE KEY-----\nhunter2", ""),
        ("api_secret", KEY, "hunter2" * 3000, ""),
        (
            "api_secret",
            KEY,
            pem(ed25519.Ed25519PrivateKey.generate(), b"p"),
            "hunter2",
        ),
        ("api_secret", KEY, pem(ec.generate_private_key(ec.SECP256R1())), ""),
    ],
)
def test_a_bad_key_is_refused_without_being_told(var, field, key, secret, phrase):
    made = create()
    with pytest.raises(InvalidInput) as caught:
        set_keys(made, key, secret, phrase)
    assert caught.value.field == field
    assert "hunter2" not in str(caught.value)
    assert ExchangeAccount.objects.get().api_key_cipher == ""


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [
        ("position_mode", "hedge", False),
        ("mode", "exchange", False),
        ("weight", D(2), True),
        ("position_mode", "one_way", True),
    ],
)
def test_a_checked_key_is_checked_anew_after_what_it_was_checked_for(
    var, field, value, left
):
    account = set_keys(create())
    passed = Verdict(passed=True, can_trade=True, findings=())
    assert services.key_check_store(account, passed, actor="boss")
    changed = services.account_update(account, actor="boss", **{field: value})
    stored = ExchangeAccount.objects.get()
    for one in (changed, stored):
        assert bool(one.key_check) is left
        assert (one.key_checked_at is not None) is left
    assert keys.credentials(stored).api_key.get_secret_value() == KEY
    told = AuditEntry.objects.filter(action="keys.check").count()
    assert told == (1 if left else 2)


def test_a_key_can_be_forgotten(var):
    made = set_keys(create())
    services.keys_clear(made, actor="boss")
    stored = ExchangeAccount.objects.get()
    assert (stored.api_key_cipher, stored.api_secret_cipher, stored.key_hint) == (
        *("", "", ""),
    )
    assert newest() == ("keys.clear", {"key_hint": "…7f3a"}, None)


# -- groups -----------------------------------------------------------------------------


def test_groups_are_made_changed_and_removed_and_their_accounts_stay():
    group = services.group_create(actor="boss", name="slow", description="d")
    made = create(group=group)
    services.group_update(group, actor="boss", name="calm", description="d")
    assert newest()[1:] == (
        {"name": "slow", "description": "d"},
        {"name": "calm", "description": "d"},
    )
    services.group_delete(AccountGroup.objects.get(name="calm"), actor="boss")
    made.refresh_from_db()
    assert made.group is None
    assert newest()[1]["accounts"] == ["main"]
    with pytest.raises(InvalidInput, match="already exists"):
        services.group_create(actor="boss", name="neutral")


def test_a_group_has_a_name_in_any_script_however_it_is_typed():
    made = services.group_create(actor="boss", name="策略一")
    services.group_update(made, actor="boss", name="cafe\u0301", description="")
    assert newest()[1:] == (
        {"name": "策略一", "description": ""},
        {"name": "café", "description": ""},
    )
    with pytest.raises(InvalidInput, match="already exists"):
        services.group_create(actor="boss", name="café")
    for name in ("café", "cafe\u0301"):
        assert AccountGroup.objects.get(name=name) == made
    assert audit.verify().findings == ()


@pytest.mark.parametrize(
    "name", ["", "a b", "a\x00b", "a\u200bb", "策略\n一", "策" * 41]
)
def test_a_name_that_cannot_be_seen_or_is_too_long_is_no_group(name):
    with pytest.raises(InvalidInput) as refused:
        services.group_create(actor="boss", name=name)
    assert refused.value.field == "name"
    assert not AuditEntry.objects.exists()


def test_every_write_leaves_one_entry_and_the_chain_is_whole(var):
    made = set_keys(create())
    services.account_update(made, actor="boss", weight=D(3))
    services.accounts_enable([made], enabled=False, actor="boss")
    services.keys_clear(made, actor="boss")
    services.account_delete(made, actor="boss")
    found = audit.verify()
    assert (found.entries, found.findings) == (6, ())
