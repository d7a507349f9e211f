"""A new master key: every secret is encrypted again, all in one transaction.

With a key file the new key is put first in it before and the old ones are taken out
after, so that a rotation which dies in between leaves everything readable. With keys
in the settings the operator puts the new one first, restarts, and rotates.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet
from django.db import connection, transaction

from accounts import keys
from accounts.models import ExchangeAccount
from core import audit, secret_file


@dataclass(frozen=True)
class Rotated:
    """What a rotation did; ``spare``: keys in the settings that nothing needs now."""

    accounts: int
    secrets: int
    source: str
    spare: int


def keys_rotate(*, actor: str) -> Rotated:
    """Encrypt all secrets under a new key; raises ``MasterKeyProblem``.

    One that cannot be decrypted stops the whole: nothing is changed then.
    """
    keys.check_master_key()
    if not keys.in_file():
        return _encrypt_again(actor)
    path = keys.key_file()
    with secret_file.alone(path):
        old = keys.read_file(path)
        new = Fernet.generate_key().decode()
        _write(path, [new, *old])
        with _durable():
            done = _encrypt_again(actor)
        _write(path, [new])
    return done


@contextmanager
def _durable() -> Iterator[None]:
    """What is committed is on disk: in WAL mode SQLite would else wait with that."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            cursor.execute("PRAGMA synchronous=NORMAL")


@transaction.atomic
def _encrypt_again(actor: str) -> Rotated:
    canary = keys.canary_locked()
    ring = keys.keyring()
    canary.cipher = ring.renew(canary.cipher, keys.CANARY_PLACE)
    canary.save()
    accounts = secrets = 0
    for account in ExchangeAccount.objects.select_for_update().order_by("pk"):
        held = [name for name in keys.CIPHERS if getattr(account, name)]
        for name in held:
            place = keys.place_of(account, name)
            setattr(account, name, ring.renew(getattr(account, name), place))
        if held:
            account.save(update_fields=held)
            accounts += 1
            secrets += len(held)
    spare = 0 if keys.in_file() else ring.count - 1
    audit.record(
        actor,
        "keys.rotate",
        "master keys",
        None,
        {"accounts": accounts, "secrets": secrets, "where": ring.source},
    )
    return Rotated(accounts, secrets, ring.source, spare)


def _write(path: Path, lines: Sequence[str]) -> None:
    secret_file.replace(path, "".join(f"{line}\n" for line in lines))
