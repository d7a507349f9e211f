"""What a REST request can end with, split by what the caller can do.

RestError
├── RestUnavailable   network, time-out, 5xx, 429: may succeed later
│   └── RestGarbled   an answer that is empty, cut short or no JSON
├── RestBanned        418: nothing may be sent until the ban ends
└── RestRefused       the same request will be refused again
    └── RestRestricted  451: this location is not served
"""

import json
import re

_QUERY = re.compile(r"\?\S+")
ADVICE = {
    403: "a firewall of the exchange refuses this address: send less, or wait",
    418: "this address is banned for a while: stop every program that uses it",
    429: "too many requests from this address: all our requests wait",
    451: "the exchange does not serve this location: use another one",
}


class RestError(Exception):
    """Base of REST failures; ``status`` is 0 when there was no answer.

    ``code`` and ``reason`` are the exchange's own number and words. ``sent`` is False
    when the request certainly did not leave. ``retry_after`` is how many seconds
    nothing is sent, when that is known.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        code: int | None = None,
        *,
        reason: str = "",
        sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.sent = sent
        self.retry_after = retry_after


class RestUnavailable(RestError):
    """May succeed later."""


class RestGarbled(RestUnavailable):
    """The answer is empty, cut short or no JSON."""


class RestBanned(RestError):
    """The exchange banned this address for a while."""


class RestRefused(RestError):
    """The same request will be refused again."""


class RestRestricted(RestRefused):
    """This location is not served."""


def refusal(
    path: str, status: int, body: bytes, retry_after: float | None = None
) -> RestError:
    """Return the error of an answer that is not 200; HTML bodies are understood."""
    code, message = _code_and_message(body)
    text = f"{path}: HTTP {status} {message}".rstrip()
    if status in ADVICE:
        text = f"{text} ({ADVICE[status]})"
    kinds = {418: RestBanned, 429: RestUnavailable, 451: RestRestricted}
    kind = kinds.get(status, RestRefused)
    if status >= 500 or status == 408:
        kind = RestUnavailable
    return kind(text, status, code, reason=message, retry_after=retry_after)


def without_query(text: str) -> str:
    """Return the words of a library without what followed a ``?`` in an address."""
    return _QUERY.sub("?…", text)


def check_body(path: str, body: bytes) -> None:
    """Raise ``RestGarbled`` for what cannot be a whole JSON document."""
    text = body.strip()
    if not text:
        raise RestGarbled(f"{path}: the body is empty", 200)
    if text[:1] not in (b"{", b"["):
        sample = text[:80].decode(errors="replace")
        raise RestGarbled(f"{path}: the body is not JSON: {sample}", 200)
    if text[-1:] not in (b"}", b"]"):
        raise RestGarbled(f"{path}: the body is not JSON: it is cut short", 200)


def _code_and_message(body: bytes) -> tuple[int | None, str]:
    try:
        document = json.loads(body)
        return int(document["code"]), str(document["msg"])
    except (ValueError, KeyError, TypeError):
        return None, " ".join(body[:200].decode(errors="replace").split())
