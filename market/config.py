"""Settings of market data (environment names: ``MARKET_`` + upper case)."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from market.domain.candles import INTERVAL_MS


class MarketSettings(BaseModel):
    """Which symbols and intervals are followed and how often pages hear of them.

    ``simulator_url``, ``simulator_ca``, ``testnet_url`` … are only needed when the
    endpoints differ from the venue's own. Rates are per second, ages in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: int = Field(140, ge=1, le=500)
    symbols_allow: tuple[str, ...] = ()
    symbols_deny: tuple[str, ...] = ()
    intervals: tuple[str, ...] = ("15m", "1h")
    push_hz: float = Field(8.0, ge=5, le=10)
    interest_seconds: float = Field(30.0, ge=5, le=3600)
    history_bars: int = Field(300, ge=0, le=1500)
    backfill_concurrency: int = Field(8, ge=1, le=50)
    event_days: int = Field(30, ge=1)
    simulator_url: str = ""
    simulator_ca: str = ""

    @field_validator("symbols_allow", "symbols_deny", mode="after")
    @classmethod
    def _upper(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(item.upper() for item in value)

    @field_validator("intervals", mode="after")
    @classmethod
    def _known_intervals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [item for item in value if item not in INTERVAL_MS]
        if unknown or not value:
            raise ValueError(
                f"unknown interval {unknown}: choose from {', '.join(INTERVAL_MS)}"
            )
        return value

    @model_validator(mode="after")
    def _lists_do_not_clash(self) -> Self:
        both = sorted(set(self.symbols_allow) & set(self.symbols_deny))
        if both:
            raise ValueError(f"symbols both allowed and denied: {', '.join(both)}")
        return self
