"""The control port of a running simulator, asked from another process."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from market.simulator.errors import SimulatorError
from market.simulator.listening import read_listening

_TIMEOUT = 10.0


def find(state: Path) -> str:
    """Control URL of the simulator of a state folder. Raises SimulatorError."""
    found = read_listening(state)
    if found is None:
        raise SimulatorError(
            f"no simulator is running in {state}: start it with ./quantai up or "
            "./quantai manage run_simulator, or give --url"
        )
    return found.plain


def ask(
    url: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the answer. Raises SimulatorError with what the simulator said."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            answer: dict[str, Any] = json.loads(response.read())
            return answer
    except urllib.error.HTTPError as error:
        with error:
            raise SimulatorError(_message(error.read())) from error
    except (OSError, ValueError) as error:
        raise SimulatorError(f"no simulator answers at {url}: {error}") from error


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["msg"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")
