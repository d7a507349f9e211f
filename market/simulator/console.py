"""What the control port can be asked to do: path and JSON in, JSON value out."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from market.simulator.errors import ApiError, SimulatorError
from market.simulator.faults.fault import Fault
from market.simulator.faults.kinds import KINDS
from market.simulator.faults.scenarios import Scenario
from market.simulator.hub import Connection
from market.simulator.simulation import Simulator

Wanted = Mapping[str, Any]
FAULTS = "/sim/faults"
WRONG = (ValueError, TypeError, KeyError, InvalidOperation, SimulatorError)


class Console:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._actions: dict[tuple[str, str], Callable[[Wanted], object]] = {
            ("POST", "/sim/cut"): self._cut,
            ("POST", "/sim/regime"): self._regime,
            ("POST", "/sim/mute"): self._mute,
            ("POST", "/sim/status"): self._status,
            ("GET", "/sim/status"): self._status,
            ("POST", FAULTS): self._arm,
            ("GET", FAULTS): self._list,
            ("DELETE", FAULTS): self._disarm_all,
            ("GET", "/sim/kinds"): self._kinds,
            ("POST", "/sim/scenario"): self._play,
            ("POST", "/sim/accounts"): self._open_account,
            ("GET", "/sim/accounts"): self._accounts,
            ("POST", "/sim/transfer"): self._transfer,
        }

    def answer(self, method: str, path: str, wanted: object) -> object:
        """Raises ApiError for an unknown path (404) or a bad wish (400)."""
        if not isinstance(wanted, Mapping):
            raise ApiError(-1100, "the body must be a JSON object")
        try:
            if method == "DELETE" and path.startswith(FAULTS + "/"):
                return self._disarm(path.removeprefix(FAULTS + "/"))
            action = self._actions.get((method, path))
            if action is None:
                raise ApiError(-5000, f"There is no {method} {path}", status=404)
            return action(wanted)
        except ApiError:
            raise
        except ValidationError as error:
            problems = [_problem(entry) for entry in error.errors()]
            raise ApiError(-1100, "; ".join(problems)) from error
        except WRONG as error:
            raise ApiError(-1100, str(error)) from error

    def _cut(self, wanted: Wanted) -> object:
        kind, only = wanted.get("kind", "rst"), wanted.get("connection")
        if not isinstance(kind, str | int) or not isinstance(only, int | None):
            raise TypeError(
                "kind must be rst, fin or a close code, connection a number"
            )
        return {"cut": self._simulator.drop_connections(kind, only=only)}

    def _regime(self, wanted: Wanted) -> object:
        shock = self._simulator.demand(str(wanted.get("kind")))
        return {"kind": shock.kind, "startTime": shock.start_ms}

    def _mute(self, wanted: Wanted) -> object:
        stream = str(wanted["stream"])
        if wanted.get("muted", True):
            self._simulator.mute(stream)
        else:
            self._simulator.unmute(stream)
        return {"stream": stream}

    def _status(self, _: Wanted) -> object:
        hub, exchange = self._simulator.hub, self._simulator.exchange
        return {
            "regime": exchange.regime(),
            "serverTime": exchange.clock.shown_ms(),
            "frames": hub.frames_sent,
            "slowDropped": hub.slow_dropped,
            "opened": hub.opened,
            "connections": [_describe(entry) for entry in hub.connections.values()],
        }

    def _arm(self, wanted: Wanted) -> object:
        fault = Fault(**wanted)
        return {"id": self._simulator.faults.arm(fault), "fault": fault.given()}

    def _list(self, _: Wanted) -> object:
        return {"faults": self._simulator.faults.listing()}

    def _disarm(self, number: str) -> object:
        if not number.isdigit():
            raise ValueError(f"{number!r} is no number of a fault")
        try:
            self._simulator.faults.disarm(int(number))
        except KeyError as error:
            raise ApiError(-1100, f"there is no fault {number}", status=404) from error
        return {"id": int(number)}

    def _disarm_all(self, _: Wanted) -> object:
        self._simulator.faults.disarm_all()
        return {}

    def _kinds(self, _: Wanted) -> object:
        return {
            name: {
                "says": kind.says,
                "strikes": kind.group.value,
                "parameters": dict(kind.parameters),
            }
            for name, kind in KINDS.items()
        }

    def _open_account(self, wanted: Wanted) -> object:
        """The only answer that tells a secret which was drawn here."""
        given = dict(wanted)
        if "balance" in given:
            given["balance"] = Decimal(str(given["balance"]))
        account = self._simulator.accounts.open(**given)
        return {"name": account.name, "key": account.key, "secret": account.secret}

    def _transfer(self, wanted: Wanted) -> object:
        amount = Decimal(str(wanted["amount"]))
        account = self._simulator.accounts.transfer(str(wanted["account"]), amount)
        return {"name": account.name, "wallet": str(account.wallet)}

    def _accounts(self, _: Wanted) -> object:
        return {"accounts": self._simulator.accounts.describe()}

    def _play(self, wanted: Wanted) -> object:
        scenario = Scenario(**wanted)
        self._simulator.start_playing(scenario)
        return {"name": scenario.name, "seconds": scenario.seconds}


def _problem(entry: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in entry["loc"])
    text = str(entry["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _describe(connection: Connection) -> dict[str, object]:
    return {
        "connection": connection.number,
        "route": connection.route or "legacy",
        "combined": connection.combined,
        "streams": len(connection.names),
    }
