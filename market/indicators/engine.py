"""``EliteTechnicalEngine``: the one place where indicators are computed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from market.indicators.assembly import indicators_of
from market.indicators.bars import Bars
from market.indicators.cache import CacheStatistics, ResultCache
from market.indicators.config import IndicatorConfig
from market.indicators.frames import bars_of_frame
from market.indicators.incremental import PanelState
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.panel import IndicatorPanel
from market.indicators.result import Indicators
from market.indicators.talib_backend import TalibBackend, load_talib

if TYPE_CHECKING:
    import pandas as pd


class Backend(Protocol):
    """Computes the panel of bars; all backends agree to rounding."""

    name: str

    def calculate(self, bars: Bars, config: IndicatorConfig) -> IndicatorPanel:
        """Return the values of every bar of every series."""


class EliteTechnicalEngine:
    """Indicators and structure features of bars, for scanner, charts and training.

    ``use_talib`` takes TA-Lib where it can be imported, else NumPy; ``backend`` says
    which. With the cache, the same bars of the same symbol are computed once per
    ``cache_ttl`` seconds; results are read-only. Safe for several threads.
    """

    def __init__(
        self,
        use_talib: bool = True,  # noqa: FBT001, FBT002 - published signature
        cache_enabled: bool = True,  # noqa: FBT001, FBT002 - published signature
        *,
        config: IndicatorConfig | None = None,
        cache_ttl: float = 300.0,
        cache_entries: int = 300,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config or IndicatorConfig()
        talib = load_talib() if use_talib else None
        self._backend: Backend = TalibBackend(talib) if talib else NumpyBackend()
        self._cache: ResultCache[Indicators] | None = None
        if cache_enabled:
            self._cache = ResultCache(ttl=cache_ttl, entries=cache_entries, clock=clock)

    @property
    def backend(self) -> str:
        """``talib`` or ``numpy``."""
        return self._backend.name

    def calculate_all_indicators(
        self, df: "pd.DataFrame", symbol: str = ""
    ) -> Indicators:
        """Return everything about a frame of bars, oldest first.

        Columns open, high, low, close, volume; times as ``frames`` finds them. Raises
        ``InvalidBars`` naming column and row, also for fewer bars than the slowest
        indicator needs.
        """
        return self.calculate_bars(bars_of_frame(df, symbol))[0]

    def calculate_bars(self, bars: Bars) -> tuple[Indicators, ...]:
        """Return everything about each series, in their order."""
        bars.require(self.config.minimum_bars)
        if self._cache is None:
            return self._computed(bars)
        key = bars.fingerprint()
        kept = [self._cache.get((key, series)) for series in range(len(bars.symbols))]
        known = tuple(result for result in kept if result is not None)
        if len(known) == len(kept):
            return known
        results = self._computed(bars)
        for series, result in enumerate(results):
            self._cache.put((key, series), result)
        return results

    def calculate_panel(self, bars: Bars) -> IndicatorPanel:
        """Return the indicators of every bar of every series; nothing is remembered."""
        bars.require(self.config.minimum_bars)
        return self._backend.calculate(bars, self.config)

    def begin(self, bars: Bars) -> PanelState:
        """Return a state that takes one new bar of every series at a time."""
        return PanelState.of(bars, self.config)

    def cache_statistics(self) -> CacheStatistics:
        """Return hits, misses and hit rate; all zero without a cache."""
        if self._cache is None:
            return CacheStatistics(0, 0, 0, 0, 0)
        return self._cache.statistics()

    def _computed(self, bars: Bars) -> tuple[Indicators, ...]:
        panel = self._backend.calculate(bars, self.config)
        return tuple(
            indicators_of(bars, panel, series, self.config, self.backend)
            for series in range(len(bars.symbols))
        )
