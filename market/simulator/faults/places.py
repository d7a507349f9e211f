"""Faults of the exchange as a whole: its clock, its list of contracts, its patience."""

from market.simulator.accounts.side import AccountSide
from market.simulator.emitters import Wanted
from market.simulator.exchange import Exchange
from market.simulator.faults.armed import Armed
from market.simulator.faults.tap import Tap
from market.simulator.hub import ALL_SYMBOLS, Hub
from market.simulator.payloads import Payloads
from market.simulator.streams import Kind

_SETTLING, _TRADING = "SETTLING", "TRADING"


class Places:
    def __init__(
        self, exchange: Exchange, hub: Hub, tap: Tap, accounts: AccountSide
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._hub = hub
        self._tap = tap
        self._payloads = Payloads(exchange.settings.generation, exchange.symbols)
        self._wanted = Wanted(hub, len(exchange.symbols), (Kind.CONTRACT_INFO,))

    def begin(self, armed: Armed) -> None:
        fault = armed.fault
        if fault.kind == "clock_jump":
            armed.takes()
            self._exchange.clock.shown_skew_ms += fault.milliseconds or 0
        elif fault.kind == "listen_key":
            end = self._accounts.expire_keys
            if fault.shape == "deleted":
                end = self._accounts.delete_keys
            armed.hits += end(fault.value or "")
            armed.ended = True
        elif fault.kind == "delist":
            armed.takes()
            symbol = fault.symbol or ""
            if symbol not in self._exchange.by_name:
                raise ValueError(f"there is no symbol {symbol}")
            self._tell(symbol, _SETTLING)
            self._tap.lose_symbol(symbol)

    def pulse(self, armed: Armed) -> None:
        """Nothing changes while it lasts."""

    def end(self, armed: Armed) -> None:
        fault = armed.fault
        if fault.kind == "clock_jump":
            self._exchange.clock.shown_skew_ms -= fault.milliseconds or 0
        elif fault.kind == "delist":
            symbol = fault.symbol or ""
            self._tap.find_symbol(symbol)
            self._tell(symbol, _TRADING)

    def _tell(self, symbol: str, status: str) -> None:
        """In exchangeInfo and on ``!contractInfo``."""
        self._exchange.statuses[symbol] = status
        time = self._exchange.moment.time_ms
        delivery = time if status == _SETTLING else None
        rank = self._exchange.by_name[symbol].rank
        text = self._payloads.contract_info(rank, time, status, delivery)
        self._wanted.refresh()
        for topic in self._wanted.topics.get(ALL_SYMBOLS, ()):
            self._hub.publish(topic, text)
