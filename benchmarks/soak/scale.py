"""The settings of a soak: the product's own, but for a market that runs faster."""

from typing import Final

INTERVALS: Final = ("1m", "5m")
STREAMS_PER_CONNECTION: Final = 20
# The final frame of a bar comes up to 2 real seconds late, whatever the speed.
GRACE_SECONDS: Final = 2.5
LONGEST_GRACE_SECONDS: Final = 3600.0


def settings(speed: float, symbols: int, seed: int) -> dict[str, str]:
    """Return the settings of the private installation.

    Bars close ``speed`` times as often while frames take as long as ever, so what the
    product measures by the exchange's clock is stretched and what waits for health
    is shortened by as much.
    """
    grace = min(LONGEST_GRACE_SECONDS, max(5.0, GRACE_SECONDS * speed))
    return {
        "EXCHANGE": "simulator",
        "MARKET_SYMBOLS": str(symbols),
        "MARKET_INTERVALS": ",".join(INTERVALS),
        "MARKET_BACKFILL_GRACE_SECONDS": f"{grace:g}",
        "SIMULATOR_SPEED": f"{speed:g}",
        "SIMULATOR_SEED": str(seed),
        "SIMULATOR_DIAL_WINDOW_SECONDS": "60",
        "WS_DIAL_WINDOW": "60",
        "WS_RECONNECT_MAX_DELAY": "5",
        "WS_RECONNECT_HEALTHY_AFTER": f"{max(1.0, 60 / speed):g}",
        "WS_PING_INTERVAL": "1.5",
        "WS_PONG_TIMEOUT": "1.5",
        "WS_SSL_TIMEOUT": "2",
        "WS_CLOSE_TIMEOUT": "1",
        "WS_STREAMS_PER_CONNECTION": str(STREAMS_PER_CONNECTION),
    }


def streams(symbols: int, watched: int) -> int:
    """Return how many streams the feed follows then, looked at ones included."""
    return symbols * (len(INTERVALS) + 1) + 2 + 2 * watched
