"""What is wrong in a file: every finding names line, column, value and rule."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from market.history.columns import Ints, Mask

SHOWN = 20
VALUE_LENGTH = 60


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule; ``line`` is the place in the file."""

    line: int
    column: str
    value: str
    rule: str


@dataclass
class Findings:
    """All broken rules of ``file``: counted, and the first ``SHOWN`` of each kept.

    ``place`` is what the numbers count: lines of a text, rows of a Parquet file.
    """

    file: str
    place: str = "line"
    counts: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, list[Finding]] = field(default_factory=dict)

    def add(self, line: int, column: str, value: object, rule: str) -> None:
        """Note one broken rule."""
        self.counts[rule] += 1
        self._keep(Finding(line, column, _short(value), rule))

    def add_all(
        self, broken: Mask, lines: Ints, column: str, values: object, rule: str
    ) -> None:
        """Note the rows of a mask; ``values`` is the array that it judges."""
        at = np.flatnonzero(broken)
        if not len(at):
            return
        self.counts[rule] += len(at)
        shown = np.asarray(values)
        for number in at[np.argsort(lines[at], kind="stable")[:SHOWN]]:
            self._keep(Finding(int(lines[number]), column, _short(shown[number]), rule))

    def _keep(self, finding: Finding) -> None:
        kept = self._kept.setdefault(finding.rule, [])
        kept.append(finding)
        if len(kept) > 2 * SHOWN:
            kept.sort()
            del kept[SHOWN:]

    @property
    def total(self) -> int:
        """How many rules are broken in all."""
        return self.counts.total()

    @property
    def first(self) -> list[Finding]:
        """The first ``SHOWN`` by line."""
        return sorted(f for kept in self._kept.values() for f in kept)[:SHOWN]

    def texts(self) -> list[str]:
        """Return a line for each of the first findings, and one that counts the rest."""
        lines = [
            f"{self.file}: {self.place} {f.line}: {f.column} = {f.value}: {f.rule}"
            for f in self.first
        ]
        more = self.total - len(lines)
        if more:
            counted = ", ".join(f"{n:,} × {rule}" for rule, n in self.counts.items())
            lines.append(f"{self.file}: … and {more:,} more; in all {counted}")
        return lines


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[: VALUE_LENGTH - 1]}…"
