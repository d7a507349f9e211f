"""Control messages of a stream socket: text in, answer out, no I/O."""

import json
import re
from dataclasses import dataclass

from market.simulator.hub import Connection, Hub

_METHODS = (
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
)
_VARIANTS = ", ".join(f"`{name}`" for name in _METHODS)
_ID = re.compile(r"^.{1,36}$", re.DOTALL)


@dataclass
class Refusal(Exception):
    """An error answer; ``request_id`` None when it could not be read."""

    code: int
    message: str
    request_id: object = None


def answer(hub: Hub, connection: Connection, text: str, *, stream_limit: int) -> str:
    """Act on one control message and return the answer as JSON text."""
    try:
        request = _read(text)
        request_id = request.get("id")
        try:
            result = _act(hub, connection, request, stream_limit)
        except Refusal as refusal:
            refusal.request_id = request_id
            raise
    except Refusal as refusal:
        error = {"code": refusal.code, "msg": refusal.message}
        return _json({"error": error, "id": refusal.request_id})
    return _json({"result": result, "id": request_id})


def _read(text: str) -> dict[str, object]:
    try:
        request = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refusal(
            3,
            f"Invalid JSON: expected value at line {error.lineno} column {error.colno}",
        ) from error
    if not isinstance(request, dict):
        raise Refusal(2, "Invalid request: expected an object")
    if not _is_id(request.get("id")):
        raise Refusal(2, "Invalid request: request ID must be an unsigned integer")
    if "method" not in request:
        raise Refusal(
            2,
            f"Invalid request: missing field `method` at line 1 column {len(text)}",
            request.get("id"),
        )
    return request


def _is_id(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return bool(_ID.match(value))
    return isinstance(value, int) and not isinstance(value, bool)


def _act(
    hub: Hub, connection: Connection, request: dict[str, object], stream_limit: int
) -> object:
    method = request["method"]
    if method == "LIST_SUBSCRIPTIONS":
        return list(connection.names)
    if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        names = _names(request.get("params"))
        if method == "UNSUBSCRIBE":
            hub.unsubscribe(connection, names)
        elif len({*connection.names, *names}) > stream_limit:
            raise Refusal(4, "Too many subscriptions")
        else:
            hub.subscribe(connection, names)
        return None
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(hub, connection, method, request.get("params"))
    raise Refusal(
        2, f"Invalid request: unknown variant `{method}`, expected one of {_VARIANTS}"
    )


def _names(params: object) -> list[str]:
    if not isinstance(params, list) or not all(
        isinstance(name, str) for name in params
    ):
        raise Refusal(
            2, "Invalid request: invalid type, expected a sequence of strings"
        )
    return params


def _property(hub: Hub, connection: Connection, method: str, params: object) -> object:
    wanted = 2 if method == "SET_PROPERTY" else 1
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise Refusal(2, "Invalid request: property name must be a string")
    if len(params) > wanted:
        raise Refusal(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise Refusal(0, "Unknown property")
    if method == "GET_PROPERTY":
        return connection.combined
    if len(params) < wanted or not isinstance(params[1], bool):
        raise Refusal(1, "Invalid value type: expected Boolean")
    hub.set_combined(connection, combined=params[1])
    return None


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
