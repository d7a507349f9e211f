"""A fault as it is asked for: kind, what it strikes, how often and how long."""

from typing import Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from market.simulator.faults.answers import HANDSHAKES, REQUESTS
from market.simulator.faults.kinds import KINDS, NEEDS_SYMBOL, SELECTORS, Group, Kind
from market.simulator.streams import Route

_SELECTORS = ("connection", "route", "stream", "symbol", "path")
_PARAMETERS = (
    *("answer", "code", "text", "shape", "direction", "seconds", "jitter_seconds"),
    *("bytes_per_second", "milliseconds", "field", "value"),
)
_CHOICES = {
    ("server_shutdown", "shape"): ("auto", "raw", "combined", "event"),
    ("certificate", "shape"): ("expired", "wrong_host", "unknown_ca", "tls11"),
    ("black_hole", "direction"): ("up", "down", "both"),
    ("handshake", "answer"): tuple(HANDSHAKES),
    ("rest", "answer"): tuple(REQUESTS),
    ("user_event", "shape"): ("duplicate", "drop", "late", "shuffle"),
    ("listen_key", "shape"): ("expired", "deleted"),
}


class Fault(BaseModel):
    """One fault. ``stream`` and ``path`` may hold ``*`` and ``?``.

    Chances to strike are counted from arming: the first ``nth - 1`` are let go, of the
    others each is taken with ``probability``, ``count`` at most. It ends after
    ``for_seconds`` (real time) or when it is disarmed. An event without count, nth,
    probability and time happens once to each connection that is open now.

    Raises pydantic.ValidationError for what does not go with the kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    connection: int | None = Field(None, ge=1)
    route: Route | None = None
    stream: str | None = None
    symbol: str | None = None
    path: str | None = None
    nth: int | None = Field(None, ge=1)
    probability: float = Field(1.0, gt=0, le=1)
    count: int | None = Field(None, ge=1)
    for_seconds: float | None = Field(
        None, gt=0, validation_alias=AliasChoices("for_seconds", "for")
    )

    answer: str | None = None
    code: int | None = Field(None, ge=1000, le=4999)
    text: str | None = Field(None, max_length=100)
    shape: str | None = None
    direction: str | None = None
    seconds: float | None = Field(None, ge=0, le=86_400)
    jitter_seconds: float | None = Field(None, ge=0, le=60)
    bytes_per_second: int | None = Field(None, ge=20)
    milliseconds: int | None = None
    field: str | None = None
    value: str | None = None

    @property
    def spec(self) -> Kind:
        return KINDS[self.kind]

    @property
    def by_message(self) -> bool:
        """Whether an event waits for a message."""
        chosen = self.nth is not None or self.probability < 1
        return self.kind == "half_frame" or (self.spec.group is Group.EVENT and chosen)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        """The kind's own defaults for what was not given."""
        if not isinstance(data, dict):
            return data
        kind = KINDS.get(str(data.get("kind")))
        if kind is None:
            raise ValueError(
                f"unknown kind {data.get('kind')!r}; there are {', '.join(KINDS)}"
            )
        given = {name: value for name, value in data.items() if value is not None}
        if "symbol" in given:
            given["symbol"] = str(given["symbol"]).upper()
        return {**kind.parameters, **given}

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        taken = dict.fromkeys(_SELECTORS, SELECTORS[self.spec.group])
        if self.kind in NEEDS_SYMBOL:
            taken["symbol"] = frozenset({"symbol"})
            if self.symbol is None:
                raise ValueError(f"{self.kind} needs symbol")
        for name in _SELECTORS:
            if getattr(self, name) is not None and name not in taken[name]:
                raise ValueError(f"{self.kind} cannot be chosen by {name}")
        for name in _PARAMETERS:
            self._check_parameter(name)
        return self

    def _check_parameter(self, name: str) -> None:
        value = getattr(self, name)
        if name not in self.spec.parameters:
            if value is not None:
                raise ValueError(f"{self.kind} takes no {name}")
            return
        if value is None:
            raise ValueError(f"{self.kind} needs {name}")
        choices = _CHOICES.get((self.kind, name))
        if choices is not None and value not in choices:
            raise ValueError(f"{name} {value!r}: choose from {', '.join(choices)}")

    def given(self) -> dict[str, object]:
        """What was asked for, defaults filled in, as plain values."""
        return self.model_dump(mode="json", exclude_none=True)
