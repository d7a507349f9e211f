"""Server frames of RFC 6455 (unmasked, never fragmented), built once for many readers."""

_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A


def text_frame(payload: bytes) -> bytes:
    return _header(_TEXT, len(payload)) + payload


def ping_frame(payload: bytes) -> bytes:
    return _header(_PING, len(payload)) + payload


def pong_frame(payload: bytes) -> bytes:
    return _header(_PONG, len(payload)) + payload


def _header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 65_536:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")
