"""Logs: one line per event to standard output, as text or JSON, secrets masked."""

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import orjson

MASK = "••••••"
# What must never reach a log: userinfo of URLs, bearer tokens, keys and signatures.
SECRETS = re.compile(
    r"(?P<url>://[^/\s:@]*:)[^/\s@]+(?=@)"
    r"|(?P<named>\bbearer\s+"
    r"|(?:api_?key|(?:api_?)?secret(?:_?key)?|password|passwd|passphrase|token"
    r"|signature|(?<!/)listen_?key|master_?keys?)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&@,;)}\]]+"
    # A master key, wherever it stands.
    r"|(?<![\w+/=-])[\w-]{43}=(?![\w=])"
    r"|-----BEGIN (?P<pem>[A-Z ]*PRIVATE KEY)-----.*?(?:-----END (?P=pem)-----|$)",
    re.IGNORECASE | re.DOTALL,
)


def masked(text: str) -> str:
    """The text without the values of secrets."""
    return SECRETS.sub(rf"\g<url>\g<named>{MASK}", text)


def _utc(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return masked("".join(traceback.format_exception(*record.exc_info)))


class TextFormatter(logging.Formatter):
    """``time level process logger message``; line breaks are written as ⏎."""

    def __init__(self, process: str = "quantai") -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        line = (
            f"{_utc(record)} {record.levelname:<7} {self.process} "
            f"{record.name} {masked(record.getMessage())}"
        )
        if trace := _traceback(record):
            line += "\n" + trace.rstrip()
        return line.replace("\r", "").replace("\n", " ⏎ ")


class JsonFormatter(logging.Formatter):
    """One JSON object per event; ``extra={"data": {...}}`` adds facts."""

    def __init__(self, process: str = "quantai") -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": _utc(record),
            "level": record.levelname,
            "process": self.process,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        data = getattr(record, "data", None)
        if data is not None:
            event["data"] = orjson.Fragment(
                masked(orjson.dumps(data, default=str).decode()).encode()
            )
        if trace := _traceback(record):
            event["traceback"] = trace
        return orjson.dumps(event, default=str).decode()


def log_to_stderr() -> None:
    """Leave stdout to what a command prints: a script reads it as the result."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


def log_everything() -> None:
    """Warnings and uncaught errors become events too, so that a log stays readable."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("uncaught").critical(
        "the process ends: %s", error, exc_info=(kind, error, trace)
    )


def logging_config(
    *, level: str, style: Literal["text", "json"], process: str = "quantai"
) -> dict[str, Any]:
    """A ``logging.config.dictConfig`` document; ``process`` is named in every line."""
    formatter = TextFormatter if style == "text" else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "process": process}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            # Requests of a live page are many; their failures are what matters.
            "daphne": {"level": "WARNING"},
            "uvicorn": {"level": "WARNING"},
            "picows": {"level": "WARNING"},
            "aiohttp.access": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
        },
    }
