"""What a message becomes under a fault: JSON text in, the texts to send out.

``state`` is the fault's memory of one stream on one connection.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from market.simulator.faults.fault import Fault

State = dict[str, str]
Distort = Callable[[Fault, str, State], list[str]]


def _write(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def mute(_: Fault, __: str, ___: State) -> list[str]:
    return []


def duplicate(_: Fault, text: str, __: State) -> list[str]:
    return [text, text]


def unknown_field(_: Fault, text: str, __: State) -> list[str]:
    extra = {"zz": {"new": [1, "2"]}, "zy": None}
    return [_write(_each(json.loads(text), lambda entry: {**entry, **extra}))]


def unknown_enum(fault: Fault, text: str, _: State) -> list[str]:
    def change(entry: dict[str, Any]) -> dict[str, Any]:
        inner = next(
            (key for key in ("o", "k") if isinstance(entry.get(key), dict)), ""
        )
        if fault.field not in entry and inner:
            return {**entry, inner: change(entry[inner])}
        return {**entry, fault.field or "e": fault.value}

    return [_write(_each(json.loads(text), change))]


def unknown_symbol(fault: Fault, text: str, _: State) -> list[str]:
    value = json.loads(text)
    name = fault.value or ""
    stranger = {"s": name, "ps": name.partition("_")[0], "st": 2}
    if isinstance(value, list):
        return [_write([*value, {**value[0], **stranger}])] if value else [text]
    return [text, _write({**value, **stranger})]


def depth_rewind(_: Fault, text: str, state: State) -> list[str]:
    before = state.get("text")
    state["text"] = text
    return [before, text] if before is not None else [text]


def depth_crossed(_: Fault, text: str, __: State) -> list[str]:
    value = json.loads(text)
    if not (value.get("b") and value.get("a")):
        return [text]
    ask, size = max(value["a"], key=lambda level: Decimal(level[0]))
    value["b"] = [[ask, size if Decimal(size) else "1"], *value["b"]]
    return [_write(value)]


def na_trade(_: Fault, text: str, __: State) -> list[str]:
    value = json.loads(text)
    return [text, _write({**value, "p": "0", "q": "0", "X": "NA"})]


def _each(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    return (
        [change(entry) for entry in value] if isinstance(value, list) else change(value)
    )


DISTORTIONS: Final[dict[str, Distort]] = {
    "mute": mute,
    "duplicate": duplicate,
    "unknown_field": unknown_field,
    "unknown_enum": unknown_enum,
    "unknown_symbol": unknown_symbol,
    "depth_gap": mute,
    "depth_rewind": depth_rewind,
    "depth_crossed": depth_crossed,
    "na_trade": na_trade,
}
# The payloads that a kind is about, where it is not about all.
ABOUT: Final[dict[str, str]] = {
    "depth_gap": '{"e":"depthUpdate"',
    "depth_rewind": '{"e":"depthUpdate"',
    "depth_crossed": '{"e":"depthUpdate"',
    "na_trade": '{"e":"trade"',
}
