"""Exchange accounts, their groups and their keys."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.core.validators import RegexValidator
from django.db import models

from core.fields import ExactDecimalField, WordField


class AccountType(StrEnum):
    """What an account is for."""

    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"
    ARBITRAGE = "ARBITRAGE"
    HEDGE = "HEDGE"


class Mode(StrEnum):
    """Where orders go: a walk over the book that we see, or the exchange."""

    PAPER = "paper"
    EXCHANGE = "exchange"


class PositionMode(StrEnum):
    """One position per symbol, or a long and a short beside each other."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


def choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Return what a Django field takes for its choices."""
    return [(one.value, one.value) for one in kind]


class AccountGroup(models.Model):
    """A name that accounts are grouped by; three exist from the start."""

    name = WordField(max_length=40, unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ExchangeAccount(models.Model):
    """An account on one venue. ``name`` is how people and programs call it.

    The three ``…_cipher`` fields are tokens of ``accounts.keys``; ``key_hint`` is what
    may be shown. ``key_set_at`` tells one key from the next (ms); a rotation of the
    master keys leaves it. ``key_check`` is the newest ``accounts.key_check`` verdict as JSON.
    ``paper_since``: since when a paper account has had its starting balance.
    """

    venue = models.CharField(max_length=16)
    name = models.CharField(
        max_length=40,
        validators=[
            RegexValidator(r"^[A-Za-z0-9_.-]+$", "letters, digits, _ . - are allowed")
        ],
    )
    account_type = models.CharField(
        max_length=10, choices=choices(AccountType), default=AccountType.PRIMARY.value
    )
    group = models.ForeignKey(
        AccountGroup, null=True, blank=True, on_delete=models.SET_NULL
    )
    weight = ExactDecimalField(default=Decimal(1))
    mode = models.CharField(
        max_length=8, choices=choices(Mode), default=Mode.PAPER.value
    )
    enabled = models.BooleanField(default=True)
    live_enabled = models.BooleanField(default=False)
    position_mode = models.CharField(
        max_length=8, choices=choices(PositionMode), default=PositionMode.ONE_WAY.value
    )
    starting_balance = ExactDecimalField(default=Decimal(10_000))
    paper_since = models.BigIntegerField(default=0)
    api_key_cipher = models.TextField(blank=True, editable=False)
    api_secret_cipher = models.TextField(blank=True, editable=False)
    passphrase_cipher = models.TextField(blank=True, editable=False)
    key_hint = models.CharField(max_length=16, blank=True, editable=False)
    key_check: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, editable=False
    )
    key_set_at = models.BigIntegerField(default=0, editable=False)
    key_checked_at = models.BigIntegerField(null=True, editable=False)
    created_at = models.BigIntegerField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "name"], name="account_once_per_venue"
            )
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.venue}, {self.mode})"


class KeyCanary(models.Model):
    """One encrypted word that everybody knows: only the right master key reads it."""

    cipher = models.TextField()

    def __str__(self) -> str:
        return "the master keys' canary"
