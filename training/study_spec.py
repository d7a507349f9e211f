"""What a study is told: one checked value for page, REST, command and trial process.

``from_dict`` refuses unknown keys and bad values with ``InvalidInput`` naming the
field; ``to_dict`` gives it back as JSON. No framework.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from core.errors import InvalidInput
from training.engine.config import (
    LossConfig,
    ModelConfig,
    TrainConfig,
    WindowConfig,
    one_of,
    positive,
)
from training.json_types import typed

PrunerKind = Literal["none", "median", "hyperband"]
SamplerKind = Literal["tpe", "random"]
Target = Literal["return", "close"]
Choice = str | int | float | bool

# Parameters that may be searched, and what each sets.
SEARCHABLE = {
    "window": ("seq_len",),
    "model": (
        *("kind", "variant", "attention", "d_model", "n_heads", "encoder_layers"),
        *("decoder_layers", "d_ff", "dropout", "factor", "distil"),
    ),
    "train": (
        *("batch_size", "learning_rate", "weight_decay", "schedule", "clip_norm"),
        "precision",
    ),
    "loss": ("kind", "a", "b", "delta"),
}


MULTITASK = "multitask"
DIRECTIONAL = ("gmadl", "gmadl_normalised", "madl", MULTITASK)

OWNERS = {
    "window": WindowConfig,
    "model": ModelConfig,
    "train": TrainConfig,
    "loss": LossConfig,
}


def field_type(name: str) -> Any:
    """Return the type of a parameter that may be searched; raises ``InvalidInput``."""
    section, _, key = name.partition(".")
    if key not in SEARCHABLE.get(section, ()):
        raise InvalidInput(f"space.{name}", name, "cannot be searched")
    return get_type_hints(OWNERS[section])[key]


@dataclass(frozen=True)
class Range:
    """Values a search may take: ``low`` to ``high`` (``log``, ``step``) or ``choices``.

    Whole numbers on both ends give whole numbers.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        if self.choices:
            if self.low is not None or self.high is not None:
                raise InvalidInput("choices", self.choices, "excludes low and high")
            return
        if self.low is None or self.high is None:
            raise InvalidInput("low", self.low, "needs low and high, or choices")
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InvalidInput("low", self.low, "low and high must be finite")
        if self.low > self.high:
            raise InvalidInput("low", self.low, f"must not be above high ({self.high})")
        if self.log and self.low <= 0:
            raise InvalidInput("low", self.low, "must be above 0 on a log scale")
        if self.step is not None and (self.log or self.step <= 0):
            raise InvalidInput(
                "step", self.step, "must be above 0 and not on a log scale"
            )


@dataclass(frozen=True)
class StudySpec:
    """A study. ``start`` and ``end`` are ms since the epoch, None = all that is stored.

    ``source`` empty: stored candles of ``symbols``; else the path of a candle file
    (Binance dump, CSV, Parquet) on this machine. ``space`` maps ``section.field``
    (``model.d_model``, ``train.learning_rate`` …, see ``SEARCHABLE``) to its range;
    what is not searched has the value in ``window``, ``model``, ``train``.
    """

    symbols: tuple[str, ...] = ("BTCUSDT",)
    interval: str = "1h"
    start: int | None = None
    end: int | None = None
    source: str = ""
    features: tuple[str, ...] = ()
    target: Target = "return"
    window: WindowConfig = field(default_factory=lambda: WindowConfig(96, 48, 1))
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    space: dict[str, Range] = field(default_factory=dict)
    trials: int = 20
    workers: int = 1
    pruner: PrunerKind = "median"
    sampler: SamplerKind = "tpe"
    seed: int = 0
    train_share: float = 0.7
    validation_share: float = 0.15
    max_retry: int = 2

    def __post_init__(self) -> None:
        one_of(self, "pruner", PrunerKind)
        one_of(self, "sampler", SamplerKind)
        one_of(self, "target", Target)
        positive(self, "trials", "workers", "train_share", "validation_share")
        if not self.symbols and not self.source:
            raise InvalidInput("symbols", self.symbols, "must name at least one")
        if self.train_share + self.validation_share >= 1:
            raise InvalidInput(
                "train_share",
                self.train_share,
                f"with validation_share ({self.validation_share}) must stay below 1, so "
                "that test data is left",
            )
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InvalidInput(
                "end", self.end, f"must be later than start ({self.start})"
            )
        for name in ("seed", "max_retry"):
            if getattr(self, name) < 0:
                raise InvalidInput(name, getattr(self, name), "must be 0 or more")
        for name in self.space:
            field_type(name)
        self._check_loss()

    def _check_loss(self) -> None:
        """The sign of a level says nothing: losses of direction need returns.

        Multi-task forecasts two targets, all others one: the data has either.
        """
        searched = self.space.get("loss.kind")
        places: list[tuple[str, str]] = [("train.loss.kind", self.train.loss.kind)]
        places += [
            ("space.loss.kind.choices", str(kind))
            for kind in (searched.choices if searched else ())
        ]
        for where, kind in places:
            if self.target != "return" and kind in DIRECTIONAL:
                rule = "needs returns as the target, not the close"
                raise InvalidInput(where, kind, rule)
            if len(places) > 1 and kind == MULTITASK:
                rule = "forecasts a second target: it cannot be searched among others"
                raise InvalidInput(where, kind, rule)

    @property
    def searches_loss(self) -> bool:
        """Whether trials minimise different losses, of which no value is like another's."""
        return any(name.startswith("loss.") for name in self.space)

    def windows(self) -> tuple[WindowConfig, WindowConfig]:
        """Return the shortest and the longest window that a trial may have."""
        searched = self.space.get("window.seq_len")
        if searched is None:
            return self.window, self.window
        ends = searched.choices or (searched.low, searched.high)
        lengths = [int(one) for one in ends if one is not None]
        return self._window(min(lengths)), self._window(max(lengths))

    def _window(self, seq_len: int) -> WindowConfig:
        label_len = min(self.window.label_len, seq_len)
        return dataclasses.replace(self.window, seq_len=seq_len, label_len=label_len)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> "StudySpec":
        """Return the checked spec; raises ``InvalidInput``."""
        values = dict(_mapping("spec", given))
        if "train" in values:
            train = dict(_mapping("train", values["train"]))
            if "loss" in train:
                train["loss"] = _make(LossConfig, "train.loss", train["loss"])
            values["train"] = _make(TrainConfig, "train", train)
        if "window" in values:
            values["window"] = _make(WindowConfig, "window", values["window"])
        if "model" in values:
            values["model"] = _make(ModelConfig, "model", values["model"])
        if "space" in values:
            values["space"] = {
                name: _range(name, one)
                for name, one in _mapping("space", values["space"]).items()
            }
        spec: StudySpec = _make(cls, "", _lists_as_tuples(values))
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON values."""
        return dataclasses.asdict(self)


def _range(name: str, given: Any) -> Range:
    """Return a range whose numbers are of its parameter's type.

    A browser cannot tell 1.0 from 1, and whole ends would make whole numbers of a share.
    """
    wanted, where = field_type(name), f"space.{name}"
    made: Range = _make(Range, where, _lists_as_tuples(_mapping(where, given)))
    if made.choices:
        choices = tuple(typed(f"{where}.choices", one, wanted) for one in made.choices)
        _check_choices(where, choices, wanted)
        return dataclasses.replace(made, choices=choices)
    if wanted not in (int, float):
        raise InvalidInput(where, given, "needs choices")
    ends: dict[str, Any] = {
        key: None if value is None else typed(f"{where}.{key}", value, wanted)
        for key, value in (("low", made.low), ("high", made.high), ("step", made.step))
    }
    return dataclasses.replace(made, **ends)


def _check_choices(where: str, choices: tuple[Choice, ...], wanted: Any) -> None:
    allowed = get_args(wanted)
    for one in choices:
        if get_origin(wanted) is Literal and one not in allowed:
            rule = f"must be one of {', '.join(allowed)}"
            raise InvalidInput(f"{where}.choices", one, rule)
    if len(set(choices)) != len(choices):
        raise InvalidInput(f"{where}.choices", choices, "must not repeat a value")


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(name, value, "must be an object")
    return value


def _lists_as_tuples(value: Any) -> dict[str, Any]:
    return {
        name: tuple(one) if isinstance(one, list) else one
        for name, one in _mapping("spec", value).items()
    }


def _make(kind: Any, where: str, given: Any) -> Any:
    """Make a config from JSON; names the field by its whole path."""
    values = dict(_mapping(where or "spec", given))
    known = get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for name, value in values.items():
        if name not in known:
            raise InvalidInput(prefix + name, value, "there is no such field")
        values[name] = typed(prefix + name, value, known[name])
    try:
        return kind(**values)
    except InvalidInput as error:
        raise InvalidInput(prefix + error.field, error.value, error.rule) from error
    except TypeError as error:
        raise InvalidInput(where or "spec", values, str(error)) from error
