import json
import logging
import sys
from pathlib import Path

import pytest

from core.logs import (
    JsonFormatter,
    TextFormatter,
    log_everything,
    logging_config,
)

ROOT = Path(__file__).resolve().parents[2]


def record(message, *values, exc_info=None, **extra):
    made = logging.LogRecord(
        "market.feed", logging.INFO, "x.py", 1, message, values, exc_info
    )
    made.__dict__.update(extra)
    return made


def test_a_text_event_is_one_line_even_with_a_traceback():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = TextFormatter().format(record("failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert "market.feed failed" in line
    assert "ValueError: two" in line


def test_a_json_event_is_one_object_with_its_facts():
    text = JsonFormatter().format(record("%d bars", 3, data={"symbol": "BTCUSDT"}))
    event = json.loads(text)
    assert event["message"] == "3 bars"
    assert event["data"] == {"symbol": "BTCUSDT"}
    assert event["level"] == "INFO"
    assert event["time"].endswith("Z")


@pytest.mark.parametrize(
    "message",
    [
        "cannot reach postgres://me:hunter2@db/x",
        "Authorization: Bearer hunter2",
        "GET /fapi/v1/order?symbol=X&signature=hunter2",
        'body {"api_key": "hunter2"}',
        "password=hunter2",
        "wss://x/ws?listenKey=hunter2",
    ],
)
@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_secrets_never_reach_a_log(formatter, message):
    assert "hunter2" not in formatter().format(record(message))
    assert "hunter2" not in formatter().format(record("%s", message))
    assert "hunter2" not in formatter().format(record("x", data={"token": "hunter2"}))


def test_an_uncaught_error_is_one_event(caplog, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(logging, "captureWarnings", lambda *, capture: None)
    log_everything()
    error = ValueError("token=hunter2")
    sys.excepthook(ValueError, error, None)
    (event,) = caplog.records
    assert event.levelname == "CRITICAL"
    assert "hunter2" not in TextFormatter().format(event)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(caplog.records) == 1


def test_an_address_with_a_port_is_no_secret():
    line = TextFormatter().format(record("https://127.0.0.1:8443/x and a@b"))
    assert "https://127.0.0.1:8443/x and a@b" in line


def test_a_path_named_like_a_secret_hides_nothing():
    line = TextFormatter().format(record("/fapi/v1/listenKey: HTTP 404 is told"))
    assert "listenKey: HTTP 404 is told" in line


@pytest.mark.parametrize(
    "message",
    [
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY----- hunter2",
        "passphrase=hunter2",
        "ACCOUNTS_MASTER_KEYS=hunter2",
        f"KEYS={'a' * 43}=,{'hunter2'.rjust(43, 'x')}= are two",
        "'X-MBX-APIKEY': 'hunter2'",
        'apiSecret: "hunter2"',
    ],
)
def test_keys_of_accounts_never_reach_a_log(message):
    assert "hunter2" not in TextFormatter().format(record(message))


def test_the_configuration_writes_to_standard_output():
    found = logging_config(level="INFO", style="json")
    assert found["handlers"]["stdout"]["stream"] == "ext://sys.stdout"
    assert found["root"]["level"] == "INFO"


def test_every_documented_marker_is_logged_somewhere():
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    markers = [
        line.split("`")[1] for line in page.splitlines() if line.startswith("| `")
    ]
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("core", "market", "training", "accounts", "quantai_site")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert markers
    missing = [marker for marker in markers if marker not in code]
    assert missing == []
