"""One request over REST and its answer, and how a request is addressed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

# Addresses are tried a quarter of a second apart, so one that swallows packets costs
# little; no name may keep us longer than ``sock_connect`` altogether.
TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=4, sock_read=10)
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
# With these no connection was there to send on.
NOTHING_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ConnectionTimeoutError,
)
# Encoded text goes out as it is: its signature covers every byte.
Params = Mapping[str, str | int] | str
_IN_THE_BODY = ("POST", "PUT")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Question:
    """One request; ``params`` is called with the exchange's time for every attempt.

    ``cancel`` uses the reserve and waits for no other request. ``heard`` gets the
    headers of every answer. ``seconds`` is how long an answer is waited for, None: as
    for everything.
    """

    method: str
    path: str
    weight: int
    params: Callable[[int], Params]
    headers: Mapping[str, str] | None = None
    cancel: bool = False
    heard: Callable[[Mapping[str, str]], None] | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``used`` is the exchange's own count of our weight.

    ``silence``: for how many seconds it wants none of our requests.
    """

    status: int
    used: str
    body: bytes
    silence: float | None = None


def addressed(base: str, question: Question, params: Params) -> dict[str, Any]:
    """Return address, headers, contents and time limit as a session takes them."""
    url = base + question.path
    headers = dict(question.headers or {})
    told: dict[str, Any] = {"url": url, "headers": headers}
    if question.seconds is not None:
        told["timeout"] = aiohttp.ClientTimeout(
            total=question.seconds, sock_connect=TIMEOUT.sock_connect
        )
    if not isinstance(params, str):
        told["params"] = params
    elif question.method in _IN_THE_BODY:
        told["data"] = params.encode()
        headers.update(_FORM)
    elif params:
        told["url"] = URL(f"{url}?{params}", encoded=True)
    return told
