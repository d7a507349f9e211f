"""Open times from a file: numbers since the epoch, and dates in words and digits.

The unit of numbers is that of the first one in the file, by its size; a number of
another unit is refused, never converted by itself. Dates are UTC unless they name an
offset, and a file may mix their forms, because no accepted form can be read in two
ways: dates with slashes or dashes and the year last need to be told which number is
the day.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import numpy as np

from market.history.columns import Ints

# From this number on, ms per unit as a fraction (numerator, denominator).
UNITS = (
    (10**17, "ns", 1, 10**6),
    (10**14, "µs", 1, 10**3),
    (10**11, "ms", 1, 1),
    (10**8, "s", 1000, 1),
)
LARGEST = 10**19 // 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_MONTHS = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]

_CLOCK = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::(?P<second>\d\d)"
    r"(?:\.(?P<part>\d{1,9}))?)?(?:[ -]?(?P<half>AM|PM))?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
_MONTH_NAME = r"(?P<name>[A-Za-z]{3})[a-z]*"


_Form = Callable[[str], re.Match[str] | None]


def _form(date: str) -> _Form:
    return re.compile(date + _CLOCK, re.ASCII | re.IGNORECASE).fullmatch


_YEAR_FIRST = _form(r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})")
_COMPACT = _form(r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)")
_DOTS = _form(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})")
_NAMED = _form(r"(?P<day>\d{1,2})[ -]" + _MONTH_NAME + r"[ -](?P<year>\d{4})")
_NAME_FIRST = _form(_MONTH_NAME + r" (?P<day>\d{1,2}),? (?P<year>\d{4})")
_DAY_FIRST = _form(r"(?P<day>\d{1,2})([-/])(?P<month>\d{1,2})\2(?P<year>\d{4})")
_MONTH_FIRST = _form(r"(?P<month>\d{1,2})([-/])(?P<day>\d{1,2})\2(?P<year>\d{4})")
_FORMS = (_YEAR_FIRST, _COMPACT, _DOTS, _NAMED, _NAME_FIRST)


class YearLast(StrEnum):
    """How dates like 03/04/2021 are read."""

    REFUSED = "refused"
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class BadStamp(ValueError):
    """A text that is no open time; the message is the rule that it breaks."""


class Stamps:
    """Reads the open times of one file; ``unit`` is known after the first number."""

    def __init__(self, year_last: YearLast = YearLast.REFUSED) -> None:
        self._forms: tuple[_Form, ...] = _FORMS
        if year_last is YearLast.DAY_FIRST:
            self._forms = (*_FORMS, _DAY_FIRST)
        elif year_last is YearLast.MONTH_FIRST:
            self._forms = (*_FORMS, _MONTH_FIRST)
        self.unit = ""
        self.dates = 0
        self._scale = (1, 1)
        self._least = self._most = 0

    def texts(self, texts: Sequence[str]) -> tuple[Ints, dict[int, str]]:
        """Return open times in ms, and by position the rules that were broken."""
        times = np.zeros(len(texts), dtype=np.int64)
        bad: dict[int, str] = {}
        for number, text in enumerate(texts):
            try:
                times[number] = self.one(text)
            except BadStamp as error:
                bad[number] = str(error)
        return times, bad

    def one(self, text: str) -> int:
        """Return one open time in ms; raises ``BadStamp``."""
        text = text.strip()
        if len(text) != 8 and text.isascii():
            whole, _, part = text.partition(".")
            if whole.isdigit() and not part.strip("0"):
                return self._number(int(whole))
        return self._date(text)

    def numbers(self, values: Ints) -> tuple[Ints, dict[int, str]]:
        """Like ``texts`` for whole numbers."""
        if not len(values):
            return values, {}
        if not self.unit:
            for value in values.tolist():
                if _unit(value) is not None:
                    self._number(value)
                    break
        wrong = (values < self._least) | (values >= self._most)
        if not self.unit:
            wrong = np.ones(len(values), dtype=np.bool_)
        up, down = self._scale
        times = np.where(wrong, 0, values) * up // down
        rule = self._wrong_unit()
        return times, {int(at): rule for at in np.flatnonzero(wrong)}

    def _number(self, value: int) -> int:
        if not self.unit:
            found = _unit(value)
            if found is None:
                raise BadStamp(self._wrong_unit())
            self._least, self.unit, *scale = found
            self._scale = (scale[0], scale[1])
            self._most = min(self._least * 1000, LARGEST)
        if not self._least <= value < self._most:
            raise BadStamp(self._wrong_unit())
        return value * self._scale[0] // self._scale[1]

    def _wrong_unit(self) -> str:
        if not self.unit:
            return "a time must be s, ms, µs or ns since the epoch, after 1973"
        return (
            f"the times of this file are {self.unit} since the epoch, this one is not"
        )

    def _date(self, text: str) -> int:
        for form in self._forms:
            found = form(text)
            if found is not None:
                self.dates += 1
                return _millis(found.groupdict())
        if _DAY_FIRST(text) is not None:
            raise BadStamp("say which number is the day: --dates day-first|month-first")
        raise BadStamp("a time must be a number since the epoch or a date")


def _unit(value: int) -> tuple[int, str, int, int] | None:
    if value >= LARGEST:
        return None
    return next((unit for unit in UNITS if value >= unit[0]), None)


def _millis(parts: dict[str, str | None]) -> int:
    try:
        moment = datetime(
            int(parts["year"] or 0),
            _month(parts),
            int(parts["day"] or 0),
            _hour(int(parts["hour"] or 0), parts["half"]),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(f"{parts['part'] or '':0<6}"[:6]),
            tzinfo=_zone(parts["zone"]),
        )
    except ValueError as error:
        raise BadStamp(f"no such date: {error}") from error
    return (moment - _EPOCH) // _MS


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("name")
    if name is None:
        return int(parts["month"] or 0)
    if name.lower() not in _MONTHS:
        raise ValueError(f"no month is called {name}")
    return _MONTHS.index(name.lower()) + 1


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"{hour} o'clock with {half}")
    return hour % 12 + (12 if half.upper() == "PM" else 0)


def _zone(text: str | None) -> timezone:
    if text is None or text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text.replace(":", "")
    offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-offset if text[0] == "-" else offset)
