"""Writes to exchange accounts, their groups and keys; each leaves an audit entry.

``actor`` is the name of who wants it. Raises ``InvalidInput`` and ``Conflict``, which
name the field, the value and the rule.
"""

import logging
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from pydantic import SecretStr

from accounts import account_rules, keys
from accounts.domain.key_check import Verdict
from accounts.models import AccountGroup, ExchangeAccount
from core import audit
from core.clock import now_ms
from core.errors import Conflict, InvalidInput
from core.logs import MASK
from market.binance.signing import BadKey, Signer, signer_for

log = logging.getLogger(__name__)

CHANGEABLE = (
    *("name", "account_type", "group", "weight", "mode", "enabled"),
    *("live_enabled", "position_mode", "starting_balance"),
)
# What the check of a key judges besides the key: after a change it says nothing.
CHECKED_WITH_THE_KEY = ("mode", "position_mode")
LONGEST_KEY = 256
LONGEST_SECRET = 16_384


def target(account: ExchangeAccount) -> str:
    """Return how the audit trail names an account."""
    return f"account {account.name} ({account.venue})"


# -- accounts -------------------------------------------------------------------------


@transaction.atomic
def account_create(
    *, actor: str, venue: str, name: str, **values: Any
) -> ExchangeAccount:
    """Make an account; ``values`` are fields of ``CHANGEABLE``, a group as its row."""
    _known(values)
    now = now_ms()
    account = ExchangeAccount(
        venue=venue, name=name, created_at=now, paper_since=now, **values
    )
    account_rules.check(account)
    account.save(force_insert=True)
    audit.record(
        actor, "account.create", target(account), None, _told(account, CHANGEABLE)
    )
    return account


@transaction.atomic
def account_update(
    account: ExchangeAccount, *, actor: str, **changes: Any
) -> ExchangeAccount:
    """Change fields of ``CHANGEABLE`` and return the account as it is now.

    A key that was checked for another mode must be checked anew.
    """
    _known(changes)
    stored = _locked(account)
    before = _locked(account)
    for field, value in changes.items():
        setattr(stored, field, value)
    account_rules.check(stored, before)
    changed = [
        field
        for field in changes
        if _plain(getattr(stored, field)) != _plain(getattr(before, field))
    ]
    if changed:
        if not set(changed).isdisjoint(CHECKED_WITH_THE_KEY):
            stored.key_check, stored.key_checked_at = {}, None
        stored.save(update_fields=[*changed, "key_check", "key_checked_at"])
        audit.record(
            actor,
            "account.update",
            target(before),
            _told(before, changed),
            _told(stored, changed),
        )
        if stored.key_check != before.key_check:
            audit.record(
                actor, "keys.check", target(stored), _levels(before.key_check), None
            )
    return stored


@transaction.atomic
def accounts_enable(
    accounts: Iterable[ExchangeAccount], *, enabled: bool, actor: str
) -> list[ExchangeAccount]:
    """Enable or disable many; return those that this changed."""
    wanted = [account.pk for account in accounts]
    rows = list(
        ExchangeAccount.objects.select_for_update()
        .filter(pk__in=wanted, enabled=not enabled)
        .order_by("pk")
    )
    for account in rows:
        account.enabled = enabled
    ExchangeAccount.objects.bulk_update(rows, ["enabled"])
    action = "account.enable" if enabled else "account.disable"
    audit.record_many(
        audit.Change(
            actor, action, target(one), {"enabled": not enabled}, {"enabled": enabled}
        )
        for one in rows
    )
    return rows


@transaction.atomic
def account_delete(account: ExchangeAccount, *, actor: str) -> None:
    """Remove an account that never did anything; others can be disabled."""
    stored = _locked(account)
    told = _told(stored, CHANGEABLE)
    try:
        stored.delete()
    except ProtectedError:
        raise Conflict(
            "account", account.name, "has orders, fills or income: disable it instead"
        ) from None
    audit.record(actor, "account.delete", target(account), told, None)


# -- keys -----------------------------------------------------------------------------


@transaction.atomic
def keys_set(
    account: ExchangeAccount,
    *,
    actor: str,
    api_key: SecretStr,
    api_secret: SecretStr,
    passphrase: SecretStr | None = None,
) -> ExchangeAccount:
    """Store an account's key; it is never shown again, and must be checked anew.

    ``api_secret``: an HMAC secret, or a PEM private key (RSA, Ed25519) with its
    ``passphrase`` when it has one. Raises ``MasterKeyProblem`` too.
    """
    key, secret, phrase, signer = check_secrets(api_key, api_secret, passphrase)
    keys.canary_locked()
    ring = keys.keyring()
    stored = _locked(account)
    before = stored.key_hint
    for name, text in zip(keys.CIPHERS, (key, secret, phrase), strict=True):
        setattr(stored, name, ring.encrypt(text, keys.place_of(stored, name)))
    stored.key_hint = keys.hint(key.get_secret_value())
    stored.key_set_at = max(now_ms(), stored.key_set_at + 1)
    stored.key_check, stored.key_checked_at = {}, None
    _save_keys(stored)
    audit.record(
        actor,
        "keys.set",
        target(stored),
        {"key_hint": before},
        {
            "key_hint": stored.key_hint,
            "kind": type(signer).__name__.removesuffix("Signer"),
        },
    )
    return stored


@transaction.atomic
def keys_clear(account: ExchangeAccount, *, actor: str) -> ExchangeAccount:
    """Forget an account's key."""
    stored = _locked(account)
    before = stored.key_hint
    for name in keys.CIPHERS:
        setattr(stored, name, "")
    stored.key_hint, stored.key_set_at = "", 0
    stored.key_check, stored.key_checked_at = {}, None
    _save_keys(stored)
    audit.record(actor, "keys.clear", target(stored), {"key_hint": before}, None)
    return stored


@transaction.atomic
def key_check_store(account: ExchangeAccount, verdict: Verdict, *, actor: str) -> bool:
    """Keep what the check of a key found; False when the key was changed meanwhile.

    Only a verdict that differs from the last one goes into the audit trail.
    """
    stored = _locked(account)
    if stored.key_set_at != account.key_set_at:
        return False
    before, after = stored.key_check, verdict.as_dict()
    stored.key_check, stored.key_checked_at = after, now_ms()
    stored.save(update_fields=["key_check", "key_checked_at"])
    if _levels(before) != _levels(after):
        audit.record(
            actor, "keys.check", target(stored), _levels(before), _levels(after)
        )
    return True


def _levels(check: dict[str, Any]) -> dict[str, Any]:
    levels = {one["name"]: one["level"] for one in check.get("findings", ())}
    return {"passed": check.get("passed"), **levels}


def _save_keys(account: ExchangeAccount) -> None:
    account.save(
        update_fields=[
            *(*keys.CIPHERS, "key_hint", "key_set_at"),
            *("key_check", "key_checked_at"),
        ]
    )


def check_secrets(
    api_key: SecretStr, api_secret: SecretStr, passphrase: SecretStr | None = None
) -> tuple[SecretStr, SecretStr, SecretStr, Signer]:
    """Return what is stored, without white space around; errors never tell a value."""
    key = api_key.get_secret_value().strip()
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidInput(
            "api_key", MASK, f"must be 1 to {LONGEST_KEY} printable ASCII characters"
        )
    secret = api_secret.get_secret_value().strip()
    phrase = passphrase.get_secret_value() if passphrase else ""
    if len(secret) > LONGEST_SECRET:
        raise InvalidInput("api_secret", MASK, f"is longer than {LONGEST_SECRET}")
    try:
        signer = signer_for(secret, passphrase=phrase)
    except BadKey as error:
        raise InvalidInput("api_secret", MASK, str(error)) from None
    return SecretStr(key), SecretStr(secret), SecretStr(phrase), signer


# -- groups ---------------------------------------------------------------------------


@transaction.atomic
def group_create(*, actor: str, name: str, description: str = "") -> AccountGroup:
    """Make a group."""
    group = AccountGroup(name=name, description=description)
    _check_group(group)
    group.save(force_insert=True)
    told = _group_told(group)
    audit.record(actor, "group.create", f"group {told['name']}", None, told)
    return group


@transaction.atomic
def group_update(
    group: AccountGroup, *, actor: str, name: str, description: str
) -> AccountGroup:
    """Rename a group or describe it anew."""
    stored = AccountGroup.objects.select_for_update().get(pk=group.pk)
    before = _group_told(stored)
    stored.name, stored.description = name, description
    _check_group(stored)
    if (after := _group_told(stored)) != before:
        stored.save()
        audit.record(actor, "group.update", f"group {before['name']}", before, after)
    return stored


@transaction.atomic
def group_delete(group: AccountGroup, *, actor: str) -> None:
    """Remove a group; its accounts stay, without one."""
    members = list(
        ExchangeAccount.objects.filter(group=group).values_list("name", flat=True)
    )
    told = {**_group_told(group), "accounts": members}
    group.delete()
    audit.record(actor, "group.delete", f"group {group.name}", told, None)


def _group_told(group: AccountGroup) -> dict[str, str]:
    return {"name": group.name, "description": group.description}


def _check_group(group: AccountGroup) -> None:
    try:
        group.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(
            field, getattr(group, field, None), "; ".join(messages)
        ) from None


# -- what they share ------------------------------------------------------------------


def _known(values: Iterable[str]) -> None:
    for name in values:
        if name not in CHANGEABLE:
            raise InvalidInput(name, "…", "there is no such field")


def _locked(account: ExchangeAccount) -> ExchangeAccount:
    return ExchangeAccount.objects.select_for_update().get(pk=account.pk)


def _told(account: ExchangeAccount, fields: Iterable[str]) -> dict[str, Any]:
    return {field: _plain(getattr(account, field)) for field in fields}


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, AccountGroup) else audit.shown(value)
