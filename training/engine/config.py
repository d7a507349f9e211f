"""What a training run is told, checked when it is made.

Every class refuses a bad value with ``InvalidInput``, which names the field, the value
and the rule. Defaults are those of a small model that trains on a CPU.
"""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.errors import InvalidInput

ModelKind = Literal["informer", "transformer", "dlinear", "ridge", "persistence"]
Variant = Literal["residual", "plain"]
Attention = Literal["full", "probsparse"]
LossKind = Literal[
    "gmadl", "gmadl_normalised", "madl", "mse", "mae", "huber", "multitask"
]
Precision = Literal["fp32", "fp16", "bf16"]
Schedule = Literal["constant", "cosine", "halving"]
TargetKind = Literal["level", "return"]


def positive(owner: object, *names: str) -> None:
    """Refuse the named numbers unless they are finite and above 0."""
    for name in names:
        value = getattr(owner, name)
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(name, value, "must be a finite number above 0")


def one_of(owner: object, name: str, allowed: object) -> None:
    """Refuse a value that is not among those of a ``Literal``."""
    value = getattr(owner, name)
    if value not in get_args(allowed):
        choices = ", ".join(get_args(allowed))
        raise InvalidInput(name, value, f"must be one of {choices}")


@dataclass(frozen=True)
class WindowConfig:
    """Bars of a window: ``seq_len`` seen, ``label_len`` of them shown to the decoder,
    ``pred_len`` forecast.
    """

    seq_len: int = 96
    label_len: int = 48
    pred_len: int = 24

    def __post_init__(self) -> None:
        positive(self, "seq_len", "pred_len")
        if not 0 <= self.label_len <= self.seq_len:
            raise InvalidInput(
                "label_len", self.label_len, f"must be 0 to seq_len ({self.seq_len})"
            )


@dataclass(frozen=True)
class ModelConfig:
    """Which model and its size. ``ridge`` and ``persistence`` ignore the sizes.

    ``variant`` ``residual`` subtracts the last value of a level (nothing of a return),
    adds a linear skip and lets the model learn the rest; ``plain`` is the paper's.
    """

    kind: ModelKind = "informer"
    variant: Variant = "residual"
    attention: Attention = "full"
    d_model: int = 64
    n_heads: int = 4
    encoder_layers: int = 2
    decoder_layers: int = 1
    d_ff: int = 256
    dropout: float = 0.05
    factor: int = 5
    distil: bool = True

    def __post_init__(self) -> None:
        one_of(self, "kind", ModelKind)
        one_of(self, "variant", Variant)
        one_of(self, "attention", Attention)
        positive(
            self,
            *("d_model", "n_heads", "encoder_layers", "decoder_layers"),
            *("d_ff", "factor"),
        )
        if self.d_model % self.n_heads:
            raise InvalidInput(
                "n_heads", self.n_heads, f"must divide d_model ({self.d_model})"
            )
        if not 0 <= self.dropout < 1:
            raise InvalidInput("dropout", self.dropout, "must be 0 or more, below 1")


@dataclass(frozen=True)
class LossConfig:
    """The loss; ``a`` and ``b`` are GMADL's, ``delta`` Huber's.

    For ``gmadl_normalised`` ``a`` is still that of raw returns: the loss multiplies it
    by the variance of the training target (a' = a sigma^2).
    """

    kind: LossKind = "mse"
    a: float = 1000.0
    b: float = 2.0
    delta: float = 1.0

    def __post_init__(self) -> None:
        one_of(self, "kind", LossKind)
        positive(self, "a", "b", "delta")


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    ``patience``: epochs without a better validation loss before it ends (0 = never).
    ``clip_norm`` 0 = no clipping. ``stop_check_batches``: after so many batches the
    loop asks whether it is to stop. ``amp_on_cpu`` must be said for fp16 or bf16 on a
    CPU, where they are several times slower than fp32.
    """

    epochs: int = 10
    batch_size: int = 32
    eval_batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: Schedule = "cosine"
    warmup_steps: int = 0
    clip_norm: float = 1.0
    patience: int = 3
    precision: Precision = "fp32"
    device: str = "cpu"
    seed: int = 0
    stop_check_batches: int = 20
    amp_on_cpu: bool = False
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        one_of(self, "precision", Precision)
        one_of(self, "schedule", Schedule)
        positive(
            self,
            *("epochs", "batch_size", "eval_batch_size", "learning_rate"),
            "stop_check_batches",
        )
        for name in ("weight_decay", "warmup_steps", "clip_norm", "patience", "seed"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidInput(name, value, "must be a finite number, 0 or more")
        if self.device == "cpu" and self.precision != "fp32" and not self.amp_on_cpu:
            raise InvalidInput(
                "precision",
                self.precision,
                "is several times slower than fp32 on a CPU; set amp_on_cpu to ask for it",
            )


@dataclass(frozen=True)
class Shape:
    """What the data demands of a model: counts of columns, and the kind of target."""

    features: int
    targets: int
    marks: int
    window: WindowConfig
    target_kind: TargetKind = "level"
