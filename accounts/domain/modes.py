"""Whether an account's orders go to an exchange at all, and what the badge says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

Venue = Literal["simulator", "testnet", "binance"]
Mode = Literal["paper", "exchange"]
TradingMode = Literal["paper", "live"]
Badge = Literal["SIMULATED", "TESTNET", "PAPER", "LIVE"]
Way = Literal["paper", "exchange", "refused"]

VENUES: tuple[Venue, ...] = ("simulator", "testnet", "binance")
MODES: tuple[Mode, ...] = ("paper", "exchange")
TRADING_MODES: tuple[TradingMode, ...] = ("paper", "live")
# Whether the risk engine and the roles are there.
GUARDED = False


@dataclass(frozen=True)
class Circumstances:
    """Everything that decides about real money.

    ``trading_mode``: the setting of the installation; ``live_enabled``: the account's
    own switch; ``key_checked``: its key passed the check (no withdrawal, known
    permissions); ``guarded``: the risk engine and the roles are there.
    """

    venue: Venue
    mode: Mode
    trading_mode: TradingMode = "paper"
    live_enabled: bool = False
    key_checked: bool = False
    guarded: bool = False


@dataclass(frozen=True)
class Decision:
    """Where orders go; ``reason`` says why they are refused."""

    way: Way
    badge: Badge
    reason: str = ""


def decide(given: Circumstances) -> Decision:
    """Decide; on ``binance`` nothing is sent unless everything says so."""
    if given.mode == "paper":
        return Decision("paper", "PAPER")
    if given.venue == "simulator":
        return Decision("exchange", "SIMULATED")
    if given.venue == "testnet":
        return Decision("exchange", "TESTNET")
    reason = _refusal(given)
    return Decision("refused" if reason else "exchange", "LIVE", reason)


def site_badge(venue: Venue, trading_mode: TradingMode, *, guarded: bool) -> Badge:
    """Return what every page and file of a venue says: the most that an account may do.

    LIVE as soon as an account could trade for real money, whether or not there is one.
    """
    most = decide(
        Circumstances(
            venue=venue,
            mode="exchange",
            trading_mode=trading_mode,
            live_enabled=True,
            key_checked=True,
            guarded=guarded,
        )
    )
    return "PAPER" if most.way == "refused" else most.badge


def _refusal(given: Circumstances) -> str:
    if not given.guarded:
        return "orders on binance wait for the risk engine and the roles"
    if given.trading_mode != "live":
        return "TRADING_MODE is not live"
    if not given.live_enabled:
        return "the account is not enabled for live trading"
    if not given.key_checked:
        return "the account's key has not passed the check"
    return ""


def truth_table() -> Iterator[tuple[Circumstances, Decision]]:
    """Every combination with its decision, in a stable order."""
    switches = (False, True)
    for venue, mode, trading, live, checked, guarded in product(
        VENUES, MODES, TRADING_MODES, switches, switches, switches
    ):
        given = Circumstances(
            venue=venue,
            mode=mode,
            trading_mode=trading,
            live_enabled=live,
            key_checked=checked,
            guarded=guarded,
        )
        yield given, decide(given)
