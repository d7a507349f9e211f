"""No process that needs secrets starts with a master key that does not fit."""

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from accounts.account_services import account_create, keys_set
from accounts.keys import MasterKeyProblem
from quantai_site.preparation import prepare
from tests.accounts.vault import use_master_keys, var

__all__ = ["var"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wrong_key(settings, var):
    made = account_create(actor="boss", venue="simulator", name="main")
    secrets = {"api_key": SecretStr("k"), "api_secret": SecretStr("s")}
    keys_set(made, actor="boss", **secrets)
    key = Fernet.generate_key().decode()
    use_master_keys(settings, keys=[key])
    return key


@pytest.mark.parametrize("command", ["run_web", "run_trader"])
def test_web_and_trader_stop_with_words(wrong_key, command):
    with pytest.raises(CommandError, match="ACCOUNTS_MASTER_KEYS is not the") as told:
        call_command(command)
    assert wrong_key not in str(told.value)


def test_up_stops_before_it_starts_them(wrong_key):
    with pytest.raises(MasterKeyProblem, match="account main cannot be decrypted"):
        prepare()
