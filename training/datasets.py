"""From stored candles or a candle file to what a study learns from. Without torch.

Bars are checked by the rules of ``market.history`` before anything else and refused
with the first bad ones named. A gap ends a stretch: no window, no indicator looks over
it. Stretches that are too short for a single window are left out and counted.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from market import selectors
from market.domain.candles import INTERVAL_MS
from market.history import formats, validation
from market.history.columns import Bars, FileProblem
from market.history.findings import Findings
from market.indicators.engine import EliteTechnicalEngine
from market.scanner.history import COLUMNS, History
from training import features
from training.engine.config import TargetKind
from training.engine.windows import (
    SPLITS,
    Borders,
    borders_by_share,
    window_starts,
)
from training.study_spec import StudySpec

if TYPE_CHECKING:
    from training.engine.data import SeriesData

FOREVER_MS = 253_402_300_799_999
SHOWN = 20


@dataclass(frozen=True)
class Stretch:
    """Bars of one symbol without a gap, warm-up removed: targets first, then features.

    ``values`` (bars, columns), ``times`` (bars,) open times in ms.
    """

    symbol: str
    times: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass
class SymbolFacts:
    """What is known of one symbol's bars; ``problems`` non-empty: it is refused."""

    symbol: str
    bars: int = 0
    first: int | None = None
    last: int | None = None
    gaps: int = 0
    missing: int = 0
    usable: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StudyData:
    """All stretches of a study. ``hash`` is the same for the same bars and columns."""

    columns: tuple[str, ...]
    targets: int
    target_kind: TargetKind
    step_ms: int
    stretches: tuple[Stretch, ...]
    facts: tuple[SymbolFacts, ...]
    hash: str

    @property
    def problems(self) -> list[str]:
        """What is wrong, one line each."""
        return [line for fact in self.facts for line in fact.problems]

    def series(self) -> "list[SeriesData]":
        """Return what the engine takes."""
        from training.engine.data import SeriesData

        return [
            SeriesData(
                name=one.symbol,
                values=one.values,
                times=one.times,
                columns=self.columns,
                targets=self.targets,
                target_kind=self.target_kind,
                step_ms=self.step_ms,
            )
            for one in self.stretches
        ]

    def borders(self, spec: StudySpec) -> Borders:
        """Return where training and validation end, the same time for all symbols."""
        return borders_by_share(
            self.stretches, train=spec.train_share, validation=spec.validation_share
        )

    def summary(self) -> dict[str, Any]:
        """Return what a study's row keeps of its data."""
        return {
            "hash": self.hash,
            "columns": list(self.columns),
            "symbols": [vars(fact) for fact in self.facts],
        }


def target_columns(spec: StudySpec) -> tuple[str, ...]:
    """Return the names of what is forecast."""
    first = "log_close" if spec.target == "close" else "return"
    if spec.train.loss.kind == "multitask":
        return first, "log_range"
    return (first,)


def study_data(spec: StudySpec, *, venue: str) -> StudyData:
    """Read, check and compute; raises ``InvalidInput`` when any bar is refused."""
    found = load(spec, venue=venue)
    if found.problems:
        raise InvalidInput(
            "data", spec.source or ", ".join(spec.symbols), "; ".join(found.problems)
        )
    return found


def load(spec: StudySpec, *, venue: str) -> StudyData:
    """Like ``study_data``, with the problems told instead of raised."""
    names = features.check_names(spec.features or features.DEFAULT)
    if spec.interval not in INTERVAL_MS:
        raise InvalidInput(
            "interval", spec.interval, f"must be one of {', '.join(INTERVAL_MS)}"
        )
    engine = EliteTechnicalEngine(cache_enabled=False)
    targets = target_columns(spec)
    columns = (*targets, *names)
    stretches: list[Stretch] = []
    facts: list[SymbolFacts] = []
    digest = hashlib.sha256("\0".join((spec.interval, *columns)).encode())
    for symbol, bars, findings, notes in _sources(spec, venue):
        fact = SymbolFacts(symbol, notes=list(notes))
        facts.append(fact)
        history = _checked(bars, findings, spec, fact)
        if fact.problems:
            continue
        _add_to(digest, symbol, history)
        for begin, end in history.stretches(INTERVAL_MS[spec.interval]):
            piece = history.slice(begin, end)
            made = _stretch(symbol, piece, names, targets, spec, engine, fact)
            if made is not None:
                stretches.append(made)
        if not fact.usable and not fact.problems:
            window = spec.windows()[0]
            fact.problems.append(
                f"{symbol}: {fact.bars} bars hold no window of {window.seq_len} + "
                f"{window.pred_len} after the indicators' warm-up"
            )
    return StudyData(
        columns=columns,
        targets=len(targets),
        target_kind="level" if spec.target == "close" else "return",
        step_ms=INTERVAL_MS[spec.interval],
        stretches=tuple(stretches),
        facts=tuple(facts),
        hash=digest.hexdigest(),
    )


def _sources(
    spec: StudySpec, venue: str
) -> Iterator[tuple[str, Bars, Findings, list[str]]]:
    """Yield (symbol, bars, findings, notes) of each symbol or of the file."""
    first = spec.start or 0
    last = (spec.end or FOREVER_MS) - 1
    if spec.source:
        path = Path(spec.source)
        symbol = spec.symbols[0] if spec.symbols else path.stem
        try:
            content = formats.read(formats.Source(path, symbol))
        except (FileProblem, OSError) as error:
            raise InvalidInput("source", spec.source, str(error)) from error
        inside = (content.bars.open_times >= first) & (content.bars.open_times <= last)
        yield symbol, content.bars.take(inside), content.findings, content.notes
        return
    for symbol in spec.symbols:
        rows = selectors.bar_rows(
            venue=venue,
            symbol=symbol,
            interval=spec.interval,
            first=first,
            last=last,
            values=COLUMNS,
        )
        # Times in ms are whole numbers below 2^53: nothing is lost.
        found = np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(COLUMNS))
        bars = Bars(
            found[:, 0].astype(np.int64),
            np.arange(1, len(rows) + 1),
            dict(zip(COLUMNS, found[:, 1:].T.copy(), strict=True)),
        )
        yield symbol, bars, Findings(f"{symbol} {spec.interval}", "bar"), []


def _checked(
    bars: Bars, findings: Findings, spec: StudySpec, fact: SymbolFacts
) -> History:
    """Apply the rules for candles; what breaks one is a problem of the symbol."""
    fact.bars = len(bars)
    if not len(bars):
        what = spec.source or f"{fact.symbol} {spec.interval}"
        fact.problems.append(f"{what}: there is no bar in this period")
        return History.of([])
    checked = validation.check(
        bars, findings, interval=spec.interval, now_ms=time.time_ns() // 1_000_000
    )
    fact.problems += checked.findings.texts()
    fact.notes += checked.notes
    if fact.problems:
        return History.of([])
    good = checked.bars
    fact.bars = len(good)
    if len(good):
        fact.first, fact.last = int(good.open_times[0]), int(good.open_times[-1])
    fact.gaps = len(checked.gaps)
    fact.missing = sum(gap.bars for gap in checked.gaps)
    return History(good.open_times, *(good.column(name) for name in COLUMNS))


def _stretch(
    symbol: str,
    piece: History,
    names: tuple[str, ...],
    targets: tuple[str, ...],
    spec: StudySpec,
    engine: EliteTechnicalEngine,
    fact: SymbolFacts,
) -> Stretch | None:
    """Compute the columns of one stretch; None when no window fits into it."""
    shortest = spec.windows()[0]
    window = shortest.seq_len + shortest.pred_len
    if len(piece) < max(engine.config.minimum_bars, window):
        return None
    try:
        matrix = features.feature_matrix(piece, names, engine)
    except InvalidInput as error:
        fact.problems.append(f"{symbol}: {error}")
        return None
    made = np.column_stack((_targets(piece, targets), matrix))
    defined: NDArray[np.bool_] = np.all(np.isfinite(made), axis=1)
    if not defined.any():
        return None
    start = int(np.argmax(defined))
    if not defined[start:].all():
        bad = start + int(np.argmin(defined[start:]))
        column = (*targets, *names)[int(np.argmin(np.isfinite(made[bad])))]
        fact.problems.append(
            f"{symbol}: {column} of the bar at {int(piece.times[bad])} is no number"
        )
        return None
    if len(made) - start < window:
        return None
    fact.usable += len(made) - start
    return Stretch(symbol, piece.times[start:], made[start:])


def _targets(history: History, names: tuple[str, ...]) -> NDArray[np.float64]:
    made = {
        "return": features.returns(history.close),
        "log_close": np.log(history.close),
        "log_range": features.log_range(history),
    }
    return np.column_stack([made[name] for name in names])


def _add_to(digest: "hashlib._Hash", symbol: str, history: History) -> None:
    """Hash the bars themselves: what is computed of them may differ in its last bits
    between machines.
    """
    digest.update(f"{symbol} {len(history)}".encode())
    for column in vars(history).values():
        digest.update(np.ascontiguousarray(column).data)


def window_counts(data: StudyData, spec: StudySpec) -> dict[str, int]:
    """Return how many windows each split has, in a search the longest ones."""
    if not data.stretches:
        return dict.fromkeys(SPLITS, 0)
    longest = spec.windows()[1]
    found = window_starts(data.stretches, longest, data.borders(spec))
    return {name: len(starts) for name, starts in found.items()}


def preview(spec: StudySpec, *, venue: str) -> dict[str, Any]:
    """Return what a study would learn from, for people to look at first.

    ``refused`` with ``problems`` when it could not start.
    """
    data = load(spec, venue=venue)
    windows = window_counts(data, spec)
    problems, longest = data.problems, spec.windows()[1]
    problems += [
        f"the {name} part has no window of {longest.seq_len} + {longest.pred_len}; "
        "give more bars or shorter windows"
        for name, count in windows.items()
        if not count and data.stretches
    ]
    target = (
        np.concatenate([one.values[:, 0] for one in data.stretches])
        if data.stretches
        else np.zeros(0)
    )
    return {
        "symbols": [vars(fact) for fact in data.facts],
        "columns": list(data.columns),
        "targets": data.targets,
        "target": {
            "name": data.columns[0],
            "mean": float(target.mean()) if len(target) else None,
            "deviation": float(target.std()) if len(target) else None,
            "minimum": float(target.min()) if len(target) else None,
            "maximum": float(target.max()) if len(target) else None,
        },
        "windows": windows,
        "borders": list(astuple(data.borders(spec))) if data.stretches else None,
        "hash": data.hash,
        "problems": problems[:SHOWN],
        "refused": bool(problems),
    }
