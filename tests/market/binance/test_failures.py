import socket
import ssl

import pytest

from market.binance.failures import (
    ADVICE,
    HandshakeRefused,
    PongMissing,
    ReconnectAsked,
    StreamEnded,
    StreamsSilent,
    WebSocketErrorType,
    classify_error,
    fatal,
    retry_after,
)


def caused(outer, inner):
    outer.__cause__ = inner
    return outer


BAD_MAC = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BAD_MAC, "SSL"),
        (caused(StreamEnded(1006), BAD_MAC), "SSL"),
        (OSError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "SSL"),
        (ssl.SSLCertVerificationError("unknown CA"), "SSL"),
        (caused(StreamEnded(1006), ssl.SSLEOFError(8, "EOF")), "NETWORK"),
        (caused(StreamEnded(1006), ConnectionResetError(104, "reset")), "NETWORK"),
        (caused(StreamEnded(1006), EOFError("unexpected end")), "NETWORK"),
        (StreamEnded(1006), "NETWORK"),
        (socket.gaierror(-2, "Name or service not known"), "NETWORK"),
        (OSError(110, "timed out"), "TIMEOUT"),
        (TimeoutError("during opening handshake"), "TIMEOUT"),
        (PongMissing("no pong"), "TIMEOUT"),
        (StreamsSilent("nothing"), "TIMEOUT"),
        (StreamEnded(1000), "PROTOCOL"),
        (StreamEnded(1008, "Too many requests"), "PROTOCOL"),
        (HandshakeRefused(403, "<html>"), "PROTOCOL"),
        (ReconnectAsked("please"), "PROTOCOL"),
        (ZeroDivisionError("?"), "UNKNOWN"),
        (ExceptionGroup("both", [ZeroDivisionError(), BAD_MAC]), "SSL"),
    ],
)
def test_the_class_comes_from_the_cause_before_the_wrapper(error, kind):
    assert classify_error(error) is WebSocketErrorType(kind)


def test_a_cause_that_points_at_itself_ends():
    error = StreamEnded(1006)
    error.__cause__ = error
    assert classify_error(error) is WebSocketErrorType.NETWORK


def test_only_451_is_fatal():
    refused = [HandshakeRefused(status) for status in (400, 403, 418, 429, 451, 503)]
    assert [error.status for error in refused if fatal(error)] == [451]
    assert fatal(caused(OSError(), HandshakeRefused(451)))


def test_the_wait_asked_for_is_found_in_the_chain():
    assert retry_after(caused(OSError(), HandshakeRefused(429, "", 12.0))) == 12.0
    assert retry_after(OSError()) is None


def test_every_class_has_advice():
    assert set(ADVICE) == set(WebSocketErrorType)
    assert all(ADVICE.values())
