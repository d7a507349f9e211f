"""Settings of training (environment names: prefix + upper case)."""

from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    field_validator,
    model_validator,
)

from training.engine.scaler import DynamicGradScalerConfig

SCALER = DynamicGradScalerConfig()


class TrainingSettings(BaseModel):
    """How this machine takes part in studies (``TRAINING_``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(
        1, ge=0, le=32, description="Workers that up starts; each runs one trial"
    )
    devices: tuple[str, ...] = Field(
        (),
        description="Devices shared out to the workers in turn (cuda:0,cuda:1); "
        "empty = what the study says",
    )
    storage_url: str = Field(
        "",
        description="Optuna's storage, sqlite:///… or postgres://…; empty = schema "
        "optuna of DATABASE_URL, else var/optuna.sqlite3",
    )
    heartbeat_seconds: int = Field(
        60, ge=1, description="A running trial shows life so often"
    )
    grace_seconds: int = Field(
        180, ge=2, description="One that has not for so long is dead and run again"
    )
    look_seconds: float = Field(
        15.0, gt=0, le=600, description="Seconds between looks for what must be run"
    )
    stop_seconds: float = Field(
        3.0,
        gt=0,
        le=60,
        description="A trial told to stop is killed after so many seconds",
    )
    trial_hours: float = Field(
        24.0, gt=0, le=720, description="A trial that takes longer is stopped"
    )
    nice: int = Field(
        5, ge=0, le=19, description="Trials give way to feed and pages by so much"
    )
    threads: int = Field(
        0, ge=0, description="Threads of a trial on a CPU; 0 = torch's choice"
    )

    history_days: int = Field(
        180,
        ge=1,
        description="Epochs and scale of trials without a version stay so long",
    )

    @field_validator("storage_url", mode="after")
    @classmethod
    def _known_storage(cls, value: str) -> str:
        known = ("sqlite:///", "postgres://", "postgresql://")
        if value and not value.startswith(known):
            raise ValueError(f"must start with {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _a_heartbeat_may_be_late(self) -> Self:
        if self.grace_seconds < 2 * self.heartbeat_seconds:
            raise ValueError(
                f"grace_seconds ({self.grace_seconds}) must be at least twice "
                f"heartbeat_seconds ({self.heartbeat_seconds})"
            )
        return self


class GradScalerSettings(BaseModel):
    """How the scale of mixed precision moves (``GRAD_SCALER_``).

    Defaults and rules are those of ``training.engine.scaler.DynamicGradScalerConfig``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    growth_factor: float = Field(
        SCALER.growth_factor,
        gt=1,
        allow_inf_nan=False,
        description="The scale grows by this factor",
    )
    growth_interval: int = Field(
        SCALER.growth_interval,
        ge=1,
        description="Steps without overflow before it grows",
    )
    max_scale: float = Field(
        SCALER.max_scale,
        gt=0,
        allow_inf_nan=False,
        description="A higher scale is warned of",
    )
    auto_reset: bool = Field(
        SCALER.auto_reset,
        description="Reset a scale that stays above the highest",
    )
    reset_threshold_epochs: int = Field(
        SCALER.reset_threshold_epochs,
        ge=1,
        description="After so many epochs that end above it",
    )
    max_consecutive_overflow: int = Field(
        SCALER.max_consecutive_overflow,
        ge=1,
        description="Overflows in a row that halve the scale once more",
    )
    init_scale_strategy: Literal["dynamic"] | PositiveFloat = Field(
        SCALER.init_scale_strategy,
        description="First scale: dynamic (by model size) or a number",
    )
