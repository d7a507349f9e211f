"""Settings of the installation itself; their environment names have no prefix."""

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

BASE_DIR = Path(__file__).resolve().parent.parent
MIN_SECRET_LENGTH = 32
DEFAULT_SECRETS = ("insecure", "changeme", "change-me", "change_me", "example")


class SiteSettings(BaseModel):
    """Where it runs, what it stores in, which exchange it looks at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exchange: Literal["simulator", "testnet", "binance"] = Field(
        "simulator", description="Venue: simulator, testnet or binance"
    )
    trading_mode: Literal["paper", "live"] = Field(
        "paper", description="live: orders on venue binance may go to the exchange"
    )
    host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the web server binds"
    )
    port: int = Field(
        8000, ge=0, le=65535, description="Port of the web server; 0 = any free one"
    )
    web: Literal["daphne", "uvicorn"] = Field(
        "daphne", description="Web server; uvicorn serves many browsers cheaper"
    )
    feeds: int = Field(
        1, ge=1, le=8, description="Feed processes that share the streams of the venue"
    )
    var: Path = Field(
        BASE_DIR / "var", description="Folder of everything written at run time"
    )
    database_url: str = Field(
        "",
        description="postgres://USER:PASSWORD@HOST:PORT/NAME; empty = SQLite in var",
    )
    redis_url: str = Field(
        "",
        description="redis://, rediss:// or unix://; empty = embedded server",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host names that the site answers to; comma separated"
    )
    csrf_trusted_origins: tuple[str, ...] = Field(
        (), description="https://… origins that may send forms; comma separated"
    )
    trust_proxy_headers: bool = Field(
        False,  # noqa: FBT003 - pydantic's default is positional
        description="Believe X-Forwarded-Proto and X-Forwarded-Host of a proxy",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions; empty = made once in var/secret_key"
    )
    debug: bool = Field(
        False,  # noqa: FBT003 - pydantic's default is positional
        description="Django's error pages; never in production",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="One line per event: text or json"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged"
    )

    @field_validator("var", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url", mode="after")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(
            ("postgres://", "postgresql://", "sqlite://")
        ):
            raise ValueError("must start with postgres://, postgresql:// or sqlite://")
        return value

    @field_validator("redis_url", mode="after")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("csrf_trusted_origins", mode="after")
    @classmethod
    def _with_scheme(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bad = [item for item in value if not item.startswith(("http://", "https://"))]
        if bad:
            raise ValueError(f"must start with http:// or https://: {', '.join(bad)}")
        return value

    @model_validator(mode="after")
    def _production_needs_its_own_secret(self) -> Self:
        secret = self.secret_key.get_secret_value()
        if not secret or not self.production:
            return self
        if len(secret) < MIN_SECRET_LENGTH or any(
            word in secret.lower() for word in DEFAULT_SECRETS
        ):
            raise ValueError(
                f"secret_key is a default or too short for production: give at least "
                f"{MIN_SECRET_LENGTH} random characters, or leave it empty"
            )
        return self

    @model_validator(mode="after")
    def _no_debug_in_production(self) -> Self:
        if self.debug and self.production:
            raise ValueError(
                "debug must be off when host is not a loopback address or "
                "allowed_hosts is given"
            )
        return self

    @property
    def production(self) -> bool:
        """Whether others than this machine may reach the site."""
        return bool(self.allowed_hosts) or not is_loopback(self.host)

    @property
    def run_dir(self) -> Path:
        """Folder of lock, runtime file and generated configurations."""
        return self.var / "run"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
