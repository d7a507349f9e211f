"""Settings of the exchange simulator.

Every field has a default that works on a fresh machine; ports 0 mean "any free one".
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SimulatorSettings(BaseModel):
    """What the simulated exchange looks like. Times are real seconds.

    ``seed`` and ``speed`` are part of the identity of the market: with another value
    the history is another one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(7, ge=0, lt=2**63, description="Seed of the simulated market")
    speed: float = Field(
        1.0,
        ge=1.0,
        le=600.0,
        description="Simulated seconds per second; frames per real second stay the same",
    )
    symbols: int = Field(140, ge=1, le=140, description="USDT perpetuals that trade")
    host: str = Field("127.0.0.1", description="Loopback address to listen on")
    port: int = Field(0, ge=0, le=65535, description="TLS port (0: any free one)")
    plain_port: int = Field(
        0, ge=0, le=65535, description="Port without TLS (0: any free one)"
    )
    skew_ms: int = Field(
        0, ge=-86_400_000, le=86_400_000, description="Clock of the exchange, ms ahead"
    )
    generation: Literal[2021, 2026] = Field(
        2026, description="Stream payloads with the fields of 2021 or 2026"
    )
    coin_margined: bool = Field(
        default=True,
        description="COIN-M symbols in the !...@arr streams, as since 2026",
    )
    deflate: bool = Field(
        default=False,
        description="Accept permessage-deflate (frames still go out uncompressed)",
    )
    strict_private: bool = Field(
        default=False,
        description="User events only on addresses with listenKey= and events=",
    )
    weight_limit: int = Field(2400, ge=1, description="Request weight per minute")
    ban_seconds: float = Field(
        120.0, gt=0, description="First ban (418); then doubling"
    )
    dial_limit: int = Field(300, ge=1, description="Sockets opened per dial window")
    dial_window_seconds: float = Field(300.0, gt=0)
    message_limit: int = Field(10, ge=1, description="Client messages a second")
    stream_limit: int = Field(1024, ge=1, description="Streams per connection")
    ping_interval_seconds: float = Field(180.0, gt=0)
    pong_timeout_seconds: float = Field(600.0, gt=0)
    life_seconds: float = Field(86_400.0, gt=0, description="Life of a connection")
    write_buffer_bytes: int = Field(
        8 * 1024 * 1024, ge=65_536, description="A slower reader is dropped past this"
    )

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
