"""Numbers of a text file: plain, or with signs between the thousands.

A comma is a sign between thousands only where it stands between whole groups of three
and does not also separate columns; decimal commas are refused, never guessed.
"""

import re
from collections.abc import Sequence

import numpy as np

from market.history.columns import Floats

NOT_A_NUMBER = "must be a number"
# What programs write where a value is absent: read as NaN, so that NaN is the rule.
ABSENT = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
_PLAIN = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII
)
_GROUPED = re.compile(
    r"[+-]?\d{1,3}(?:([,'\u2019 \u00a0\u202f])\d{3})(?:\1\d{3})*(\.\d+)?", re.ASCII
)


def parse(texts: Sequence[str], *, comma: bool) -> tuple[Floats, dict[int, str]]:
    """Return the numbers, and by position the rules that were broken.

    ``comma`` says whether a comma may stand between thousands.
    """
    whole = "".join(texts)
    if "_" not in whole and whole.isascii():
        try:
            return np.array([float(text) for text in texts], dtype=np.float64), {}
        except ValueError:
            pass  # one by one, to find which
    values = np.full(len(texts), np.nan)
    bad: dict[int, str] = {}
    for number, text in enumerate(texts):
        value = _one(text.strip(), comma=comma)
        if value is None:
            bad[number] = NOT_A_NUMBER
        else:
            values[number] = value
    return values, bad


def _one(text: str, *, comma: bool) -> float | None:
    if text.lower() in ABSENT:
        return float("nan")
    if _PLAIN.fullmatch(text):
        return float(text)
    found = _GROUPED.fullmatch(text)
    if found is None or (found[1] == "," and not comma):
        return None
    return float(text.replace(found[1], ""))
