"""Settings of market data and indicators (``MARKET_`` or ``INDICATOR_`` + upper case)."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from market.domain.candles import INTERVAL_MS


class MarketSettings(BaseModel):
    """Which symbols and intervals are followed and how often pages hear of them.

    ``book_source``: the best levels as the exchange sends them twice a second, or kept
    from every change. ``simulator_url``, ``simulator_ca``, ``testnet_url`` … are only needed when the
    endpoints differ from the venue's own. Rates are per second, ages in seconds.
    ``backfill_grace_seconds``: a bar counts as missing so many seconds of the exchange's clock
    after its close (the final frame comes up to 2 s late).
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
    book_source: Literal["depth20", "diff"] = "depth20"
    backfill_grace_seconds: float = Field(5.0, ge=3, le=3600)
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


class ScanSettings(BaseModel):
    """How symbols are scanned (environment names: ``SCAN_`` + upper case).

    ``bars``: closed bars that a score is made of. ``store_score``: least score that a
    scan at a close keeps as a signal. ``keep_days``: age at which scans and their
    signals are deleted. ``fee_bps``, ``slippage_bps``: cost of each side of a trade in
    basis points, which outcomes are counted after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bars: int = Field(500, ge=100, le=1500)
    store_score: float = Field(40.0, ge=0, le=100)
    keep_days: int = Field(30, ge=1)
    fee_bps: float = Field(5.0, ge=0, le=100)
    slippage_bps: float = Field(1.0, ge=0, le=100)


class IndicatorSettings(BaseModel):
    """How the process's engine of indicators computes and what it remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_ttl: float = Field(
        300.0,
        gt=0,
        le=86_400,
        description="Seconds for which indicators of the same bars are remembered",
    )
    use_talib: bool = Field(
        default=False,
        description="Compute with TA-Lib: the same values, 80 MB more in each process",
    )
    cache_entries: int = Field(
        300,
        ge=1,
        le=10_000,
        description="Results remembered at most; one of 500 bars takes about 75 kB",
    )
