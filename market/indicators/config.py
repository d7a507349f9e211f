"""Periods and thresholds of the engine, with the house defaults."""

from dataclasses import dataclass, fields

from core.errors import InvalidInput

LONGEST_PERIOD = 1000


@dataclass(frozen=True)
class IndicatorConfig:
    """Periods in bars, thresholds in the unit of their indicator; checked when made.

    ``swing_bars``: lower highs wanted on each side of a swing high (lows mirrored).
    ``zone_bars``: age at which order blocks, gaps and liquidity are forgotten.
    ``sweep_bars``: for how many bars a sweep stays the liquidity context.
    ``equal_atr``: swings this many ATR apart count as equal.
    """

    ema_fast: int = 20
    ema_slow: int = 50
    rsi: int = 14
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    bollinger: int = 20
    adx: int = 14
    atr: int = 14
    swing_bars: int = 3
    zone_bars: int = 100
    sweep_bars: int = 3
    bollinger_deviations: float = 2.0
    rsi_overbought: float = 70.0
    rsi_oversold: float = 30.0
    adx_moderate: float = 20.0
    adx_strong: float = 25.0
    adx_very_strong: float = 50.0
    equal_atr: float = 0.1

    def __post_init__(self) -> None:
        self._check_periods()
        self._check_thresholds()

    @property
    def minimum_bars(self) -> int:
        """Bars after which every value of the last bar is defined."""
        return max(
            self.ema_slow,
            self.rsi + 1,
            self.macd_start + 2,
            self.bollinger,
            2 * self.adx,
            self.atr + 1,
            2 * self.swing_bars + 1,
        )

    @property
    def macd_start(self) -> int:
        """Index of the first bar with a MACD histogram."""
        return self.macd_slow + self.macd_signal - 2

    def _check_periods(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type is not int:
                continue
            least = 1 if item.name in ("swing_bars", "sweep_bars") else 2
            if type(value) is not int or not least <= value <= LONGEST_PERIOD:
                rule = f"must be a whole number from {least} to {LONGEST_PERIOD}"
                raise InvalidInput(item.name, value, rule)
        for fast, slow in (("ema_fast", "ema_slow"), ("macd_fast", "macd_slow")):
            if getattr(self, fast) >= getattr(self, slow):
                raise InvalidInput(fast, getattr(self, fast), f"must be below {slow}")

    def _check_thresholds(self) -> None:
        for name in ("bollinger_deviations", "equal_atr"):
            if not 0 < getattr(self, name) <= 10:
                raise InvalidInput(
                    name, getattr(self, name), "must be above 0, at most 10"
                )
        _check_rising(self, "rsi_oversold", "rsi_overbought")
        _check_rising(self, "adx_moderate", "adx_strong", "adx_very_strong")


def _check_rising(config: IndicatorConfig, *names: str) -> None:
    below = 0.0
    for name in names:
        value = getattr(config, name)
        if not below < value < 100:
            raise InvalidInput(name, value, f"must be above {below:g} and below 100")
        below = value
