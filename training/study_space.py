"""Whether a trial can be run with every value of a search. No framework."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import InvalidInput
from training.study_spec import Choice, Range, StudySpec

WIDTH, HEADS = "model.d_model", "model.n_heads"


def check_space(spec: StudySpec) -> None:
    """Refuse ranges with values that trials would fail with, by name.

    Raises ``InvalidInput``.
    """
    for name, values in spec.space.items():
        section, _, key = name.partition(".")
        owner = spec.train.loss if section == "loss" else getattr(spec, section)
        for where, value in _ends(values):
            try:
                dataclasses.replace(owner, **_alone(key, value))
            except InvalidInput as error:
                raise InvalidInput(
                    f"space.{name}.{where}", value, error.rule
                ) from error
    _check_heads(spec)


def _ends(values: Range) -> Iterator[tuple[str, Choice]]:
    for one in values.choices:
        yield "choices", one
    for where in ("low", "high"):
        end = getattr(values, where)
        if end is not None:
            yield where, end


def _alone(key: str, value: Any) -> dict[str, Any]:
    """Return the value and what lets it be judged without its neighbours."""
    neighbours = {"d_model": {"n_heads": 1}, "seq_len": {"label_len": 0}}
    if key == "n_heads":
        return {"n_heads": value, "d_model": value}
    return {key: value, **neighbours.get(key, {})}


def _check_heads(spec: StudySpec) -> None:
    widths, heads = spec.space.get(WIDTH), spec.space.get(HEADS)
    if widths is None and heads is None:
        return
    for head in _whole(heads, spec.model.n_heads):
        width = _undivided(widths, spec.model.d_model, head)
        if width is not None:
            raise InvalidInput(
                f"space.{HEADS if widths is None else WIDTH}",
                width,
                f"n_heads ({head}) must divide every d_model: give choices, or a low "
                "and a step that it divides",
            )


def _whole(values: Range | None, fixed: int) -> Iterable[int]:
    if values is None:
        return (fixed,)
    if values.choices:
        return map(int, values.choices)
    return range(int(values.low or 0), int(values.high or 0) + 1, int(values.step or 1))


def _undivided(values: Range | None, fixed: int, head: int) -> int | None:
    """Return the first width that the heads do not divide."""
    found = _whole(values, fixed)
    if isinstance(found, range):
        # Of a range the first two tell all.
        found = found[:2]
    return next((width for width in found if width % head), None)
