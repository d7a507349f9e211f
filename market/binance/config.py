"""Settings of the exchange connection (environment names: ``WS_`` + upper case)."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(gt=0)]

# What `WS_PROFILE=cloud` changes: long idle paths, proxies that drop quiet flows.
CLOUD: dict[str, float | int] = {
    "ping_interval": 10.0,
    "pong_timeout": 30.0,
    "close_timeout": 10.0,
    "long_delay_after": 5,
    "reconnect_max_delay": 300.0,
}


class WsSettings(BaseModel):
    """Timing, limits and sharding of websocket connections; seconds and bytes.

    Raises ``pydantic.ValidationError`` naming the field when a rule is broken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Literal["default", "cloud"] = "default"
    transport: Literal["websockets", "picows"] = "picows"
    reconnect_initial_delay: Seconds = 1.0
    reconnect_max_delay: Seconds = 60.0
    reconnect_backoff_factor: float = Field(2.0, gt=1)
    reconnect_max_retries: int = Field(10, ge=1)
    reconnect_jitter: float = Field(0.1, ge=0, lt=1)
    reconnect_healthy_after: Seconds = 60.0
    long_delay_after: int = Field(0, ge=0)
    ping_interval: Seconds = 30.0
    pong_timeout: Seconds = 10.0
    ssl_timeout: Seconds = 30.0
    message_timeout: Seconds = 1200.0
    message_warning_timeout: Seconds = 600.0
    close_timeout: Seconds = 2.0
    max_message_bytes: int = Field(10 * 2**20, ge=1024)
    read_limit_bytes: int = Field(64 * 2**10, ge=1024)
    write_limit_bytes: int = Field(64 * 2**10, ge=1024)
    streams_per_connection: int = Field(200, ge=1, le=1024)
    queue_frames: int = Field(50_000, ge=100)
    dials_per_window: int = Field(290, ge=1, le=300)
    dial_window: Seconds = 300.0
    rotate_after: Seconds = 82_800.0
    rotate_spread: float = Field(0.1, ge=0, lt=1)
    dial_concurrency: int = Field(8, ge=1, le=64)
    ca_file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _profile_fills_what_is_not_given(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("profile") == "cloud":
            return {**CLOUD, **data}
        return data

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if self.reconnect_max_delay < self.reconnect_initial_delay:
            raise ValueError(
                f"reconnect_max_delay ({self.reconnect_max_delay:g}) must be at "
                f"least reconnect_initial_delay ({self.reconnect_initial_delay:g})"
            )
        if self.message_warning_timeout >= self.message_timeout:
            raise ValueError(
                f"message_warning_timeout ({self.message_warning_timeout:g}) must be "
                f"below message_timeout ({self.message_timeout:g})"
            )
        return self

    @property
    def long_delay_threshold(self) -> int:
        """Failures in a row after which the long delays begin."""
        return self.long_delay_after or self.reconnect_max_retries
