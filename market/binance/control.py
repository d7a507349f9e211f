"""Answers of the exchange to our own requests on a stream connection."""

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.json import Decoder

_STRINGS = Decoder(tuple[str, ...])


class ControlAnswer(Struct, frozen=True):
    """Answer to SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS or SET_PROPERTY.

    ``code`` is None when the request was accepted. Acceptance proves nothing about
    data: a misspelt or wrongly routed stream is accepted too and stays silent.
    ``streams`` is the list that LIST_SUBSCRIPTIONS returned, else None.
    """

    id: int | str | None
    code: int | None = None
    message: str = ""
    streams: tuple[str, ...] | None = None

    @property
    def ok(self) -> bool:
        return self.code is None


class ErrorBody(Struct, frozen=True):
    """An error, alone in a body or under the key "error"."""

    code: int
    msg: str = ""


class Answer(Struct, frozen=True):
    """``{"result": …, "id": …}`` or ``{"error": {…}, "id": …}``."""

    id: int | str | None = None
    result: Raw | UnsetType = UNSET
    error: ErrorBody | None = None

    def control_answer(self) -> ControlAnswer:
        """Return the answer; raises ValueError when it is neither of the two."""
        if self.error is not None:
            return ControlAnswer(self.id, self.error.code, self.error.msg)
        if self.result is UNSET:
            raise ValueError("an answer without result and error")
        if bytes(self.result).lstrip()[:1] == b"[":
            return ControlAnswer(self.id, streams=_STRINGS.decode(self.result))
        return ControlAnswer(self.id)
