import stat

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from accounts import desks, key_rotation, keys
from accounts.account_services import keys_set
from accounts.key_rotation import keys_rotate
from accounts.keys import MasterKeyProblem
from accounts.models import ExchangeAccount, KeyCanary
from core.models import AuditEntry
from tests.accounts.planted import account
from tests.accounts.vault import use_master_keys, var

__all__ = ["var"]

pytestmark = pytest.mark.django_db


def secret_of(n):
    return f"secret-number-{n}-of-this-test"


@pytest.fixture
def owners(var):
    keys.check_master_key()
    account("without-a-key")
    return [
        keys_set(
            account(f"a{n}"),
            actor="boss",
            api_key=SecretStr(f"key-number-{n}-of-this-test"),
            api_secret=SecretStr(secret_of(n)),
        )
        for n in range(3)
    ]


def all_usable(owners):
    return all(
        keys.credentials(one).api_key.get_secret_value()
        == f"key-number-{n}-of-this-test"
        for n, one in enumerate(owners)
    )


def ciphers():
    return set(ExchangeAccount.objects.values_list("api_secret_cipher", flat=True)) | {
        KeyCanary.objects.get().cipher
    }


def test_rotation_gives_the_file_a_new_key_and_keeps_all_accounts_usable(var, owners):
    before, old = ciphers() - {""}, keys.read_file(keys.key_file())
    done = keys_rotate(actor="boss")
    assert (done.accounts, done.secrets, done.spare) == (3, 6, 0)
    (new,) = keys.read_file(keys.key_file())
    assert new not in old
    assert before & ciphers() == set()
    assert all_usable(owners)
    assert stat.S_IMODE((var / "master_keys").stat().st_mode) == 0o600
    assert {one.name for one in var.iterdir()} == {"master_keys", "master_keys.lock"}
    keys.check_master_key()


def test_the_old_key_reads_nothing_after_a_rotation(settings, owners):
    old = keys.read_file(keys.key_file())
    keys_rotate(actor="boss")
    use_master_keys(settings, keys=old)
    with pytest.raises(MasterKeyProblem):
        keys.credentials(owners[0])


def test_keys_in_the_settings_are_rotated_to_the_first(settings, owners):
    old = keys.read_file(keys.key_file())
    new = Fernet.generate_key().decode()
    use_master_keys(settings, keys=[new, *old])
    assert keys_rotate(actor="boss").spare == 1
    use_master_keys(settings, keys=[new])
    assert all_usable(owners)
    keys.check_master_key()


def test_a_secret_that_cannot_be_read_stops_the_whole(owners):
    ExchangeAccount.objects.filter(name="a2").update(
        passphrase_cipher=Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    )
    before = ciphers()
    with pytest.raises(MasterKeyProblem, match="passphrase of account a2"):
        keys_rotate(actor="boss")
    assert ciphers() == before
    assert all_usable(owners[:2])


def test_a_rotation_that_dies_before_its_end_leaves_all_readable(owners, monkeypatch):
    whole, writes = key_rotation._write, []

    def dies_at_the_second(path, lines):
        writes.append(lines)
        if len(writes) == 2:
            raise OSError("no space left")
        whole(path, lines)

    monkeypatch.setattr(key_rotation, "_write", dies_at_the_second)
    with pytest.raises(OSError, match="no space"):
        keys_rotate(actor="boss")
    assert len(keys.read_file(keys.key_file())) == 2
    assert all_usable(owners)
    monkeypatch.undo()
    keys_rotate(actor="boss")
    assert len(keys.read_file(keys.key_file())) == 1
    assert all_usable(owners)


def test_what_a_killed_rotation_left_is_removed(var, owners):
    (var / "master_keys.draft").write_text("keys")
    keys_rotate(actor="boss")
    assert not (var / "master_keys.draft").exists()
    assert all_usable(owners)


def test_a_gateway_that_reads_during_a_rotation_reads_again(owners, monkeypatch):
    """The row is read before the rotation, the keys after it."""
    stale, calls = keys.keyring, []

    def keyring(**options):
        if not calls:
            calls.append(1)
            keys_rotate(actor="boss")
        return stale(**options)

    monkeypatch.setattr(keys, "keyring", keyring)
    assert all_usable(owners[:1])
    assert len(calls) == 1


def test_a_rotation_makes_no_gateway_anew_and_a_new_key_does(owners):
    def made_from():
        row = ExchangeAccount.objects.get(pk=owners[0].pk)
        return desks._made_from(row)

    before = made_from()
    keys_rotate(actor="boss")
    assert made_from() == before
    keys_set(
        owners[0],
        actor="boss",
        api_key=SecretStr("key-number-0-of-this-test"),
        api_secret=SecretStr(secret_of(0)),
    )
    assert made_from() != before


def test_a_rotation_is_in_the_audit_trail_without_a_secret(owners):
    keys_rotate(actor="boss")
    entry = AuditEntry.objects.first()
    assert (entry.actor, entry.action) == ("boss", "keys.rotate")
    assert '"accounts":3' in entry.after
    (key,) = keys.read_file(keys.key_file())
    assert key not in entry.after


def test_the_command_rotates_and_says_what_it_did(owners, capsys):
    call_command("rotate_keys")
    assert "6 secrets of 3 accounts" in capsys.readouterr().out
    (key,) = keys.read_file(keys.key_file())
    keys.key_file().unlink()
    with pytest.raises(CommandError, match="is missing"):
        call_command("rotate_keys")
    call_command("rotate_keys", "--new-key")
    assert Fernet(capsys.readouterr().out.strip())
    assert key not in capsys.readouterr().out
