"""Secrets of accounts at rest, encrypted with the master keys of the installation.

The master keys are ``ACCOUNTS_MASTER_KEYS``, or lines of ``var/master_keys`` (only its
owner can read it), the newest first: with it everything is encrypted, with any of them
decrypted. A canary in the database tells at the start of a process whether they fit.
What is encrypted says which account and field it belongs to, so that a token which is
moved to another row by whoever can write to the database is refused there.
Nothing here keeps a key: it is read again for each use, so that a rotation is heard of.
"""

import logging
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from pydantic import SecretStr

from accounts.config import KEY_RULE, is_master_key, split_keys
from accounts.models import ExchangeAccount, KeyCanary
from core.errors import Permanent
from core.secret_file import read_or_create
from market.binance.signing import Signer, signer_for

log = logging.getLogger(__name__)

FILE = "master_keys"
VARIABLE = "ACCOUNTS_MASTER_KEYS"
ONLY_ROW = 1
CIPHERS = ("api_key_cipher", "api_secret_cipher", "passphrase_cipher")
# Shorter API keys are not hinted at: too much of them would be told.
HINTED_LENGTH = 12
HINT = 4


class MasterKeyProblem(Permanent):
    """The master key is missing, unsafe, or not the one that secrets were stored with;
    or a secret is not where it was stored.
    """


class NoKey(Permanent):
    """The account has no API key."""


@dataclass(frozen=True)
class Place:
    """Where a secret belongs: ``bound`` is encrypted with it, ``words`` tell people."""

    bound: str
    words: str


class Keyring:
    """Encrypts with the newest key, decrypts with any; ``source`` says where they are."""

    def __init__(self, keys: Sequence[str], source: str) -> None:
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self.source = source
        self.count = len(keys)

    def __repr__(self) -> str:
        return f"Keyring({self.count} from {self.source})"

    def encrypt(self, secret: SecretStr, place: Place) -> str:
        """Return a token for this place; an empty secret is an empty token."""
        text = secret.get_secret_value()
        if not text:
            return ""
        return self._keys.encrypt(f"{place.bound}:{text}".encode()).decode()

    def decrypt(self, token: str, place: Place) -> SecretStr:
        """Return the secret; raises ``MasterKeyProblem`` that names the place."""
        if not token:
            return SecretStr("")
        whole = self.read(token, place.words).get_secret_value
        mine = f"{place.bound}:"
        if not whole().startswith(mine):
            raise MasterKeyProblem(
                f"{place.words} was not stored there: somebody moved it in the database; "
                "set the key of this account anew"
            )
        return SecretStr(whole().removeprefix(mine))

    def read(self, token: str, what: str) -> SecretStr:
        """Return what was encrypted, wherever that belongs; ``MasterKeyProblem``."""
        try:
            return SecretStr(self._keys.decrypt(token).decode())
        except InvalidToken:
            raise MasterKeyProblem(
                f"{what} cannot be decrypted: the master key in {self.source} is not "
                "the one that it was stored with; put that one beside it"
            ) from None

    def renew(self, token: str, place: Place) -> str:
        """Return the same secret under the newest key."""
        return self.encrypt(self.decrypt(token, place), place)


CANARY = SecretStr("the canary of the master keys")
CANARY_PLACE = Place("canary", "the canary in the database")


def place_of(account: ExchangeAccount, cipher: str) -> Place:
    """Return where a cipher (one of ``CIPHERS``) of an account belongs."""
    name = cipher.removesuffix("_cipher")
    return Place(f"account/{account.pk}/{name}", f"{name} of account {account.name}")


@dataclass(frozen=True)
class Credentials:
    """What requests of an account are signed with; ``repr`` shows nothing of it."""

    api_key: SecretStr
    signer: Signer


def key_file() -> Path:
    """Return where the master keys are when no variable has them."""
    return settings.QUANTAI.site.var / FILE


def in_file() -> bool:
    """Whether the master keys stand in the file and not in the settings."""
    return not settings.QUANTAI.accounts.master_keys.get_secret_value()


def keyring(*, make: bool = False) -> Keyring:
    """Return the master keys as they are now; ``make`` the file when there is none.

    Raises ``MasterKeyProblem``.
    """
    if not in_file():
        given = settings.QUANTAI.accounts.master_keys.get_secret_value()
        return Keyring(split_keys(given), VARIABLE)
    path = key_file()
    if make:
        read_or_create(path, make=lambda: Fernet.generate_key().decode() + "\n")
    return Keyring(read_file(path), str(path))


def read_file(path: Path) -> list[str]:
    """Return the keys of a file that nobody else can read, the newest first."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise MasterKeyProblem(
                f"{path} can be read by others (mode {mode:04o}): make it yours alone "
                f"with `chmod 600 {path}`, and rotate the keys if others had access"
            )
        keys = split_keys(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise MasterKeyProblem(
            f"{path} is missing: put the file back that secrets were stored with, or "
            f"give its keys in {VARIABLE}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyProblem(
            f"{path} cannot be read: {type(error).__name__}"
        ) from None
    for number, key in enumerate(keys, 1):
        if not is_master_key(key):
            raise MasterKeyProblem(f"{path}: line {number} {KEY_RULE}")
    if not keys:
        raise MasterKeyProblem(f"{path} is empty: put its keys back")
    return keys


def check_master_key() -> None:
    """Prove that stored secrets can be read; called when a process starts.

    The first start of all makes the key file and the canary; as long as no account has
    a secret other master keys may take their place. Raises ``MasterKeyProblem``.
    """
    canary = KeyCanary.objects.filter(pk=ONLY_ROW).first()
    try:
        if canary is not None:
            _check(canary, keyring())
            return
    except MasterKeyProblem:
        # True only when no rotation went on meanwhile, which the lock tells.
        pass
    canary_locked()


@transaction.atomic
def canary_locked() -> KeyCanary:
    """Lock the canary until the caller's transaction ends; made when it is missing.

    Whoever stores a secret holds it, so that no rotation drops the key meanwhile, and
    reads the master keys after it. Raises ``MasterKeyProblem``.
    """
    rows = KeyCanary.objects.select_for_update()
    canary = rows.filter(pk=ONLY_ROW).first()
    if canary is None:
        cipher = keyring(make=_holder() is None).encrypt(CANARY, CANARY_PLACE)
        KeyCanary.objects.get_or_create(pk=ONLY_ROW, defaults={"cipher": cipher})
        canary = rows.get(pk=ONLY_ROW)
    ring = keyring(make=_holder() is None)
    try:
        _check(canary, ring)
    except MasterKeyProblem:
        if _holder() is not None:
            raise
        log.warning("other master keys than before; no secret was stored with those")
        canary.cipher = ring.encrypt(CANARY, CANARY_PLACE)
        canary.save()
    return canary


def _holder() -> ExchangeAccount | None:
    """Return an account that has a secret, if any."""
    return ExchangeAccount.objects.exclude(api_secret_cipher="").first()


def _check(canary: KeyCanary, ring: Keyring) -> None:
    # A secret that was moved closes its own account, and stops nobody's start.
    if (holder := _holder()) is not None:
        ring.read(holder.api_secret_cipher, f"the secret of account {holder.name}")
    ring.decrypt(canary.cipher, CANARY_PLACE)


def hint(api_key: str) -> str:
    """Return what may be shown of a key: its last characters."""
    return f"…{api_key[-HINT:]}" if len(api_key) >= HINTED_LENGTH else "…"


def credentials(account: ExchangeAccount) -> Credentials:
    """Return an account's key and signer, from the database as it is now.

    Raises ``NoKey``, ``MasterKeyProblem``, and ``BadKey`` of ``market.binance.signing``.
    """
    try:
        secrets = _secrets(account)
    except MasterKeyProblem:
        # A rotation may have passed between reading the row and reading the keys.
        secrets = _secrets(account)
    api_key, secret, passphrase = secrets
    return Credentials(
        api_key,
        signer_for(secret.get_secret_value(), passphrase=passphrase.get_secret_value()),
    )


def _secrets(account: ExchangeAccount) -> list[SecretStr]:
    row = ExchangeAccount.objects.get(pk=account.pk)
    if not row.api_key_cipher:
        raise NoKey(f"account {row.name} has no API key")
    ring = keyring()
    return [ring.decrypt(getattr(row, name), place_of(row, name)) for name in CIPHERS]
