"""Settings of the exchange simulator.

Every field has a default that works on a fresh machine; ports 0 mean "any free one".
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SimulatorSettings(BaseModel):
    """What the simulated exchange looks like. Times are real seconds.

    ``seed`` and ``speed`` are part of the identity of the market: with another value
    the history is another one. ``speed`` is the number of simulated seconds per real
    second; frames per real second stay the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=7, ge=0, lt=2**63)
    speed: float = Field(default=1.0, ge=1.0, le=600.0)
    symbols: int = Field(default=140, ge=1, le=140)
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    plain_port: int = Field(default=0, ge=0, le=65535)
    skew_ms: int = Field(default=0, ge=-86_400_000, le=86_400_000)
    generation: Literal[2021, 2026] = 2026
    coin_margined: bool = True
    deflate: bool = False
    weight_limit: int = Field(default=2400, ge=1)
    dial_limit: int = Field(default=300, ge=1)
    dial_window_seconds: float = Field(default=300.0, gt=0)
    ban_seconds: float = Field(default=120.0, gt=0)
    message_limit: int = Field(default=10, ge=1)
    stream_limit: int = Field(default=1024, ge=1)
    ping_interval_seconds: float = Field(default=180.0, gt=0)
    pong_timeout_seconds: float = Field(default=600.0, gt=0)
    life_seconds: float = Field(default=86_400.0, gt=0)
    write_buffer_bytes: int = Field(default=8 * 1024 * 1024, ge=65_536)

    @model_validator(mode="after")
    def _ports_and_deadlines(self) -> Self:
        if self.port and self.port == self.plain_port:
            raise ValueError(f"port and plain_port are both {self.port}")
        if self.pong_timeout_seconds < self.ping_interval_seconds:
            raise ValueError(
                f"pong_timeout_seconds {self.pong_timeout_seconds} is shorter than "
                f"ping_interval_seconds {self.ping_interval_seconds}"
            )
        return self
