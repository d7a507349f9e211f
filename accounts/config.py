"""Settings of accounts (environment names: prefix + upper case)."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

# Names of the clock's tasks, known without loading any model.
EQUITY_SNAPSHOT = "accounts.equity_snapshot"
EQUITY_PRUNE = "accounts.equity_prune"
INTENTS_PRUNE = "accounts.intents_prune"

MASTER_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
KEY_RULE = "must be 32 random bytes in URL-safe base64, as Fernet.generate_key() makes"


class AccountsSettings(BaseModel):
    """What is kept of accounts and for how long (``ACCOUNTS_``), and what paper costs.

    The latter in basis points of the notional, taken from the decimal text of the number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    paper_taker_bps: float = Field(
        5.0, ge=0, le=100, description="Fee of paper orders that take, basis points"
    )
    paper_maker_bps: float = Field(
        2.0, ge=0, le=100, description="Fee of paper orders that rest, basis points"
    )
    paper_slippage_bps: float = Field(
        1.0, ge=0, le=100, description="What every price is worse for paper takers"
    )
    paper_latency_ms: int = Field(
        50, ge=0, le=10_000, description="How long a paper order is under way, ms"
    )

    equity_seconds: int = Field(
        300, ge=10, le=86_400, description="What accounts are worth is kept so often"
    )
    equity_days: int = Field(
        90,
        ge=1,
        description="Days for which every value is kept; older ones: the last of a day",
    )
    intent_days: int = Field(
        90,
        ge=1,
        description="Days after which what was asked of the trader is forgotten, its "
        "Idempotency-Key too; orders and the audit trail stay",
    )
    master_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that the accounts' secrets are encrypted with, the newest "
        "first, comma separated; empty = made once in var/master_keys",
    )

    @field_validator("master_keys", mode="after")
    @classmethod
    def _fernet_keys(cls, value: SecretStr) -> SecretStr:
        for number, key in enumerate(split_keys(value.get_secret_value()), 1):
            if not is_master_key(key):
                raise ValueError(f"key {number}: {KEY_RULE}")
        return value


def split_keys(text: str) -> list[str]:
    """Return keys that stand with commas or on lines."""
    return text.replace(",", " ").split()


def is_master_key(text: str) -> bool:
    """Whether secrets can be encrypted with it."""
    return MASTER_KEY.fullmatch(text) is not None
