import stat
import traceback

import pytest
from cryptography.fernet import Fernet
from django.db.models import F
from pydantic import SecretStr, ValidationError

from accounts import keys
from accounts.account_services import keys_set
from accounts.config import AccountsSettings
from accounts.key_rotation import keys_rotate
from accounts.keys import MasterKeyProblem, NoKey
from accounts.models import ExchangeAccount, KeyCanary
from market.binance.signing import HmacSigner
from quantai_site.config import ConfigError, load
from tests.accounts.planted import account
from tests.accounts.vault import use_master_keys, var

__all__ = ["var"]

pytestmark = pytest.mark.django_db
KEY, SECRET = "the-key-of-this-test-7f3a", "the-secret-of-this-test-19"


@pytest.fixture
def owner(var):
    keys.check_master_key()
    return keys_set(
        account(), actor="boss", api_key=SecretStr(KEY), api_secret=SecretStr(SECRET)
    )


# -- the first start --------------------------------------------------------------------


def test_the_first_start_makes_a_file_that_only_its_owner_can_read(var):
    keys.check_master_key()
    file = var / "master_keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = file.read_text()
    keys.check_master_key()
    assert file.read_text() == made
    assert KeyCanary.objects.count() == 1


def test_keys_in_the_settings_need_no_file(settings, var):
    use_master_keys(settings, keys=[Fernet.generate_key().decode()])
    keys.check_master_key()
    assert not var.exists()


def test_other_master_keys_may_come_while_no_secret_is_stored(settings, var, caplog):
    keys.check_master_key()
    use_master_keys(settings, keys=[Fernet.generate_key().decode()])
    keys.check_master_key()
    assert "other master keys" in caplog.text
    keys.check_master_key()


# -- a start with a wrong key -----------------------------------------------------------


def test_a_wrong_master_key_stops_the_start(settings, owner):
    use_master_keys(settings, keys=[Fernet.generate_key().decode()])
    with pytest.raises(MasterKeyProblem, match="ACCOUNTS_MASTER_KEYS is not the one"):
        keys.check_master_key()


def test_a_missing_file_stops_the_start_and_no_new_one_is_made(var, owner):
    (var / "master_keys").unlink()
    with pytest.raises(MasterKeyProblem, match="is missing: put the file back"):
        keys.check_master_key()
    assert not (var / "master_keys").exists()


def test_a_wrong_key_is_seen_by_the_canary_alone(settings, owner):
    token = keys.keyring().encrypt(SecretStr("x"), keys.CANARY_PLACE)
    other = Fernet.generate_key().decode()
    use_master_keys(settings, keys=[other])
    ring = keys.keyring()
    place = keys.place_of(owner, "api_secret_cipher")
    cipher = ring.encrypt(SecretStr("y"), place)
    ExchangeAccount.objects.update(api_secret_cipher=cipher)
    KeyCanary.objects.update(cipher=token)
    with pytest.raises(MasterKeyProblem, match="canary"):
        keys.check_master_key()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(var, owner, mode):
    (var / "master_keys").chmod(mode)
    with pytest.raises(MasterKeyProblem, match=f"mode 0{mode:o}.*chmod 600"):
        keys.check_master_key()


@pytest.mark.parametrize("text", ["", "short\n", "ä" * 44, "a b c"])
def test_a_file_without_good_keys_is_refused_and_not_quoted(var, owner, text):
    (var / "master_keys").write_text(text)
    with pytest.raises(MasterKeyProblem) as caught:
        keys.check_master_key()
    assert not text.strip() or text.strip() not in str(caught.value)


# -- a rotation meanwhile ---------------------------------------------------------------


def rotate_around(monkeypatch, *, before):
    """Another process rotates just before or after the keys are read next."""
    read = keys.keyring

    def first(**options):
        monkeypatch.setattr(keys, "keyring", read)
        if before:
            keys_rotate(actor="another")
        found = read(**options)
        if not before:
            keys_rotate(actor="another")
        return found

    monkeypatch.setattr(keys, "keyring", first)


@pytest.mark.parametrize("before", [True, False])
def test_a_rotation_while_a_start_checks_is_no_wrong_key(owner, monkeypatch, before):
    rotate_around(monkeypatch, before=before)
    keys.check_master_key()
    assert keys.credentials(owner).api_key.get_secret_value() == KEY


@pytest.mark.parametrize("before", [True, False])
def test_a_canary_that_another_made_meanwhile_stays(var, monkeypatch, before):
    rotate_around(monkeypatch, before=before)
    keys.check_master_key()
    keys.keyring().decrypt(KeyCanary.objects.get().cipher, keys.CANARY_PLACE)


# -- secrets ----------------------------------------------------------------------------


def test_the_gateway_gets_key_and_signer(owner):
    found = keys.credentials(owner)
    assert found.api_key.get_secret_value() == KEY
    assert found.signer.sign("x") == HmacSigner(SECRET).sign("x")


def other_account():
    return keys_set(
        account("two"),
        actor="boss",
        api_key=SecretStr("another-key-of-this-test"),
        api_secret=SecretStr("another-secret-of-this-test"),
    )


@pytest.mark.parametrize("name", keys.CIPHERS[:2])
def test_a_cipher_of_another_account_is_refused_there(owner, name):
    other = other_account()
    ExchangeAccount.objects.filter(pk=owner.pk).update(**{name: getattr(other, name)})
    field = name.removesuffix("_cipher")
    with pytest.raises(
        MasterKeyProblem, match=f"{field} of account one was not stored"
    ):
        keys.credentials(owner)
    assert keys.credentials(other)


def test_a_cipher_of_another_field_is_refused_there(owner):
    moved = ExchangeAccount.objects.get(pk=owner.pk).api_key_cipher
    ExchangeAccount.objects.update(passphrase_cipher=moved)
    with pytest.raises(MasterKeyProblem, match="passphrase of account one"):
        keys.credentials(owner)


def test_all_three_of_another_account_are_no_key_of_this_one(owner):
    other = other_account()
    moved = {name: getattr(other, name) for name in keys.CIPHERS}
    ExchangeAccount.objects.filter(pk=owner.pk).update(**moved)
    with pytest.raises(MasterKeyProblem, match="api_key of account one"):
        keys.credentials(owner)


def test_a_moved_cipher_stops_no_start_and_is_mended_by_setting_the_key_anew(owner):
    other = other_account()
    moved = {name: getattr(other, name) for name in keys.CIPHERS}
    ExchangeAccount.objects.filter(pk=owner.pk).update(**moved)
    keys.check_master_key()
    with pytest.raises(MasterKeyProblem, match="api_key of account one"):
        keys_rotate(actor="boss")
    keys_set(owner, actor="boss", api_key=SecretStr(KEY), api_secret=SecretStr(SECRET))
    assert keys_rotate(actor="boss").accounts == 2
    assert keys.credentials(owner).api_key.get_secret_value() == KEY


def test_a_secret_with_the_words_of_a_place_is_whole(var):
    keys.check_master_key()
    ring, place = keys.keyring(), keys.Place("account/1/api_key", "it")
    odd = "account/1/api_key:account/1/api_key:x"
    token = ring.encrypt(SecretStr(odd), place)
    assert ring.decrypt(token, place).get_secret_value() == odd


def test_an_account_without_a_key_says_so(var):
    with pytest.raises(NoKey, match="account one has no API key"):
        keys.credentials(account())


def test_an_older_key_still_decrypts(settings, owner):
    old = keys.read_file(keys.key_file())
    use_master_keys(settings, keys=[Fernet.generate_key().decode(), *old])
    assert keys.credentials(owner).api_key.get_secret_value() == KEY


def test_nothing_that_is_shown_of_secrets_tells_them(owner, settings):
    texts = [repr(keys.credentials(owner)), repr(keys.keyring()), str(owner)]
    texts += [repr(vars(owner))]
    use_master_keys(settings, keys=[Fernet.generate_key().decode()])
    try:
        keys.credentials(owner)
    except MasterKeyProblem as error:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts.append("".join(whole.format()))
    assert "api_key of account one" in texts[-1]
    use_master_keys(settings, keys=())
    ExchangeAccount.objects.update(api_key_cipher=F("api_secret_cipher"))
    try:
        keys.credentials(owner)
    except MasterKeyProblem as error:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts.append("".join(whole.format()))
    assert "was not stored there" in texts[-1]
    for text in texts:
        assert KEY not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    ("key", "shown"), [("0123456789abcdef", "…cdef"), ("short-key", "…")]
)
def test_only_the_last_four_of_a_long_key_are_hinted_at(key, shown):
    assert keys.hint(key) == shown


# -- settings ---------------------------------------------------------------------------


def test_settings_refuse_what_is_no_key_without_quoting_it():
    good = Fernet.generate_key().decode()
    assert AccountsSettings(master_keys=f"{good},{good}")
    with pytest.raises(ValidationError, match="key 2: must be 32 random bytes") as told:
        AccountsSettings(master_keys=f"{good},hunter2")
    assert "hunter2" not in str(told.value)


def test_a_wrong_setting_stops_the_start_by_its_name(tmp_path):
    with pytest.raises(
        ConfigError, match=r"ACCOUNTS_MASTER_KEYS=.*key 1: must"
    ) as told:
        load({"ACCOUNTS_MASTER_KEYS": "hunter2"}, folder=tmp_path)
    assert "hunter2" not in str(told.value)
    good = Fernet.generate_key().decode()
    found = load({"ACCOUNTS_MASTER_KEYS": good}, folder=tmp_path)
    assert good not in str([row.value for row in found.rows()])
