"""The result of one check."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One line of the report; ``advice`` says what the operator can do."""

    level: Level
    subject: str
    fact: str
    advice: str = ""

    def line(self) -> str:
        advice = f" → {self.advice}" if self.advice else ""
        return f"{self.level.value:<4}  {self.subject:<12} {self.fact}{advice}"


def ok(subject: str, fact: str) -> Finding:
    return Finding(Level.OK, subject, fact)


def warn(subject: str, fact: str, advice: str) -> Finding:
    return Finding(Level.WARN, subject, fact, advice)


def fail(subject: str, fact: str, advice: str) -> Finding:
    return Finding(Level.FAIL, subject, fact, advice)
