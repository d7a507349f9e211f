"""From bytes of the exchange to domain values, in one typed pass.

``decode`` is the only door: it returns values or a ``DecodeFailure``, whatever the
bytes are, and never raises. The common case, an enveloped message that names its
type, is one call of one decoder; everything else (arrays, spot messages without a
type, answers, REST bodies in recordings) takes the slower way behind it.
"""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import get_args

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder

from market.binance.control import Answer, ControlAnswer, ErrorBody
from market.binance.exchange_info import ExchangeInfoBody
from market.binance.info_schemas import OpenInterestBody
from market.binance.schemas import DepthBody, MarketMessage, SpotBookTicker
from market.binance.streams import StreamKind, stream_kind
from market.binance.user_schemas import UserMessage
from market.domain.types import MarketEvent, ServerShutdown, Skipped
from market.domain.user_events import UserEvent

Event = MarketEvent | UserEvent | ControlAnswer
Decoded = tuple[Event, ...]

SAMPLE_BYTES = 200
# ArithmeticError: Decimal; RecursionError: msgspec on deeply nested input.
_BAD_INPUT = (ValueError, ArithmeticError, RecursionError)


class FailureKind(StrEnum):
    """Why bytes could not become values."""

    NOT_JSON = "not_json"
    UNKNOWN_MESSAGE = "unknown_message"
    BAD_MESSAGE = "bad_message"


class DecodeFailure(Struct, frozen=True):
    """A frame that is not data. ``sample`` holds its first 200 bytes as text."""

    kind: FailureKind
    reason: str
    sample: str
    stream: str = ""


class _UnknownMessageError(ValueError):
    """The message is well formed, and of no type that we know."""


class _Envelope(Struct, frozen=True, gc=False):
    stream: str
    data: MarketMessage | UserMessage


class _UntypedShutdown(Struct, frozen=True):
    """The shutdown notice as some servers send it: named by the envelope alone."""

    E: int = 0

    def events(self, stream: str, received_ms: int) -> Decoded:
        return (ServerShutdown(self.E or received_ms),)


class _Probe(Struct, frozen=True):
    """The keys that tell message types apart when the fast way did not match."""

    stream: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    event: Raw | UnsetType = UNSET
    e: str | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    code: int | UnsetType = UNSET
    lastUpdateId: int | UnsetType = UNSET
    openInterest: Raw | UnsetType = UNSET
    symbols: Raw | UnsetType = UNSET
    u: Raw | UnsetType = UNSET


_envelope = Decoder(_Envelope, strict=False).decode
_message: Callable[[bytes | Raw], MarketMessage | UserMessage] = Decoder(
    MarketMessage | UserMessage, strict=False
).decode
_probe = Decoder(_Probe, strict=False).decode
_entries = Decoder(list[Raw]).decode
_answer = Decoder(Answer, strict=False).decode
_error_body = Decoder(ErrorBody, strict=False).decode
_depth_body = Decoder(DepthBody, strict=False).decode
_open_interest = Decoder(OpenInterestBody, strict=False).decode
_exchange_info = Decoder(ExchangeInfoBody, strict=False).decode
_spot_book_ticker = Decoder(SpotBookTicker, strict=False).decode
_shutdown = Decoder(_UntypedShutdown, strict=False).decode
_KNOWN_TYPES = frozenset(
    message.__struct_config__.tag for message in get_args(MarketMessage | UserMessage)
)


def decode(
    raw: bytes, *, stream: str | None = None, received_ms: int = 0
) -> Decoded | DecodeFailure:
    """Return the values in one frame, or why there are none.

    ``stream`` names the stream of a raw connection, whose frames have no envelope;
    a name in the frame wins. ``received_ms`` stands in as event time where the wire
    carries none (spot bookTicker and partial depth).
    """
    try:
        if stream is None:
            envelope = _envelope(raw)
            return envelope.data.events(envelope.stream, received_ms)
        return _message(raw).events(stream, received_ms)
    except _BAD_INPUT:
        return _decode_rare(raw, stream or "", received_ms)


def stream_name(raw: bytes) -> bytes | None:
    """Return the stream name of a combined frame without decoding it.

    None when the frame does not begin with its envelope as the exchange writes it.
    """
    if raw[:11] != b'{"stream":"':
        return None
    end = raw.find(b'"', 11)
    return raw[11:end] if end > 0 else None


def is_closed_kline(raw: bytes) -> bool:
    """Say whether a frame holds a final bar, without decoding it.

    May say yes for a frame that is none (the decoder decides), never no for a kline
    whose x is true, written with or without a space after the colon.
    """
    at = raw.find(b'"x":')
    return raw.startswith((b"true", b" true"), at + 4) and at > 0 and b"kline" in raw


def _decode_rare(raw: bytes, stream: str, received_ms: int) -> Decoded | DecodeFailure:
    try:
        return _payload(raw, stream, received_ms)
    except _UnknownMessageError as error:
        kind, reason = FailureKind.UNKNOWN_MESSAGE, str(error)
    except (ValidationError, ArithmeticError) as error:
        kind, reason = FailureKind.BAD_MESSAGE, str(error)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        kind, reason = FailureKind.NOT_JSON, str(error)
    except ValueError as error:
        kind, reason = FailureKind.BAD_MESSAGE, str(error)
    sample = bytes(raw[:SAMPLE_BYTES]).decode("utf-8", "replace")
    return DecodeFailure(kind, reason[:SAMPLE_BYTES], sample, stream)


def _payload(raw: bytes | Raw, stream: str, received_ms: int) -> Decoded:
    """Decode a frame of any shape; raises one of the errors of bad input."""
    if _is_array(raw):
        return _array(raw, stream, received_ms)
    probe = _probe(raw)
    if isinstance(probe.stream, str) and probe.data is not UNSET:
        raw, stream = probe.data, probe.stream
        if _is_array(raw):
            return _array(raw, stream, received_ms)
        probe = _probe(raw)
    elif probe.event is not UNSET:
        raw = probe.event
        probe = _probe(raw)
    if isinstance(probe.e, str):
        if probe.e not in _KNOWN_TYPES:
            raise _UnknownMessageError(f"message type {probe.e!r} is not known")
        return _message(raw).events(stream, received_ms)
    return _untyped(raw, probe, stream, received_ms)


def _is_array(raw: bytes | Raw) -> bool:
    return bytes(memoryview(raw)[:32]).lstrip()[:1] == b"["


def _untyped(raw: bytes | Raw, probe: _Probe, stream: str, received_ms: int) -> Decoded:
    """Decode a payload without a type: told apart by the keys it has."""
    if probe.error is not UNSET or probe.result is not UNSET:
        return (_answer(raw).control_answer(),)
    if probe.code is not UNSET:
        body = _error_body(raw)
        return (ControlAnswer(None, body.code, body.msg),)
    if stream_kind(stream) is StreamKind.SERVER_SHUTDOWN:
        return _shutdown(raw).events(stream, received_ms)
    for key, decoder in (
        (probe.lastUpdateId, _depth_body),
        (probe.openInterest, _open_interest),
        (probe.symbols, _exchange_info),
        (probe.u, _spot_book_ticker),
    ):
        if key is not UNSET:
            return decoder(raw).events(stream, received_ms)
    raise _UnknownMessageError("a message without a type and without known keys")


def _array(raw: bytes | Raw, stream: str, received_ms: int) -> Decoded:
    """Decode the entries of an array; unusable ones become one Skipped value.

    An array without any usable entry raises the error of its last entry.
    """
    events: list[Event] = []
    skipped: Counter[tuple[str, str]] = Counter()
    error: Exception | None = None
    entries = _entries(raw)
    for entry in entries:
        try:
            decoded = _message(entry).events(stream, received_ms)
        except _BAD_INPUT as bad:
            error = bad
            continue
        for event in decoded:
            if isinstance(event, Skipped):
                skipped[event.kind, event.reason] += event.count
            else:
                events.append(event)
    kind = stream_kind(stream).value
    if error is not None:
        bad_entries = len(entries) - len(events) - skipped.total()
        if bad_entries == len(entries):
            raise error
        skipped[kind, "invalid"] += bad_entries
    events += [Skipped(k, why, "", n) for (k, why), n in skipped.items()]
    return tuple(events)
