"""The account side put together: accounts by key, their orders, streams and files."""

import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

from market.simulator.accounts import events
from market.simulator.accounts.algos import Algos
from market.simulator.accounts.desk import Desk
from market.simulator.accounts.listening import UserStreams
from market.simulator.accounts.records import Account
from market.simulator.accounts.store import Store
from market.simulator.accounts.terms import cents
from market.simulator.accounts.upkeep import Upkeep
from market.simulator.accounts.view import MarketView
from market.simulator.errors import SimulatorError
from market.simulator.exchange import Exchange
from market.simulator.hub import Hub

MONEY_EVERY: Final = 20  # slots
FIRST: Final = {"order": 8_000_000_000, "algo": 1_000_000_000, "trade": 700_000_000}


class Meddler(Protocol):
    """What stands between an event and the user stream while faults are armed."""

    def user_event(self, account: Account, event: events.Event) -> bool: ...


class AccountSide:
    """Accounts of the exchange. ``meddler`` may take events away."""

    def __init__(
        self, exchange: Exchange, hub: Hub, state_dir: Path | None = None
    ) -> None:
        self.view = MarketView(exchange)
        self._exchange = exchange
        self._store = Store(state_dir / "accounts.sqlite3" if state_dir else None)
        self.streams = UserStreams(hub)
        self.meddler: Meddler | None = None
        self.desk = Desk(self.view, self._publish, self._number)
        self.algos = Algos(self.desk)
        self._upkeep = Upkeep(self.desk, self.algos)
        self._changed: dict[str, Account] = {}
        self._told: list[tuple[Account, events.Event]] = []

    @property
    def accounts(self) -> dict[str, Account]:
        return self._store.accounts

    def open(
        self,
        *,
        name: str = "",
        balance: Decimal = Decimal(10_000),
        key: str = "",
        secret: str = "",
        hedge: bool = False,
        can_trade: bool = True,
        can_withdraw: bool = False,
        ip_restricted: bool = True,
    ) -> Account:
        """Make an account, or a new one in the place of one with that key.

        ``secret`` is an HMAC secret or a public key in PEM; drawn when empty.
        """
        if key and not (key.isascii() and key.isalnum()):
            raise SimulatorError(f"key {key!r}: letters and digits only")
        if not balance.is_finite() or balance < 0:
            raise SimulatorError(f"balance {balance}: must be 0 or more")
        account = Account(
            key=key or secrets.token_hex(32),
            secret=secret or secrets.token_hex(32),
            name=name,
            wallet=balance,
            hedge=hedge,
            can_trade=can_trade,
            can_withdraw=can_withdraw,
            ip_restricted=ip_restricted,
        )
        account.funded_period = self.view.funding_period
        self._store.forget(account.key)
        self.accounts[account.key] = account
        self.desk.income(account, "TRANSFER", balance)
        self.changed(account)
        self.save()
        return account

    def transfer(self, name: str, amount: Decimal) -> Account:
        """Bring money to an account, or take it away when negative."""
        account = self._named(name)
        if not amount.is_finite() or account.wallet + amount < 0:
            raise SimulatorError(f"amount {amount}: the wallet has {account.wallet}")
        account.wallet += cents(amount)
        self.desk.income(account, "TRANSFER", cents(amount))
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        told = (reason, (), cents(amount), self.view.now_ms, self.view.mark)
        self._publish(account, events.account_update(account, *told))
        self.save()
        return account

    def _named(self, name: str) -> Account:
        for account in self.accounts.values():
            if name in (account.name, account.key):
                return account
        raise SimulatorError(f"there is no account {name!r}")

    def changed(self, account: Account) -> None:
        """Something may have to be kept."""
        self._changed[account.key] = account

    def step(self) -> None:
        """Follow the market by one step."""
        money = self._exchange.due(MONEY_EVERY)
        for account in self.accounts.values():
            self._upkeep.orders(account)
            if money and account.holdings:
                self._upkeep.money(account)
        self.save()
        now = self.view.shown_ms
        for account in self.accounts.values():
            if account.listen_key and not self.streams.lives(account, now):
                self.streams.expire(account, now)
                self.changed(account)

    def save(self) -> None:
        """Write what changed, then tell of it: what was heard survives a kill."""
        if self._changed:
            self._store.save(self._changed.values())
            self._changed.clear()
        told, self._told = self._told, []
        for account, event in told:
            if self.meddler is None or not self.meddler.user_event(account, event):
                self.streams.publish(account, event)

    def close(self) -> None:
        self.save()
        self._store.close()

    def expire_keys(self, name: str = "") -> int:
        """End the listen keys of an account (all without a name) with a notice."""
        return self._end_keys(name, told=True)

    def delete_keys(self, name: str = "") -> int:
        """The same in silence, as when another program closed them."""
        return self._end_keys(name, told=False)

    def _end_keys(self, name: str, *, told: bool) -> int:
        ended = 0
        for account in self.accounts.values():
            if account.listen_key and name in ("", account.name, account.key):
                ended += 1
                if told:
                    self.streams.expire(account, self.view.shown_ms)
                account.listen_key = ""
                self.changed(account)
        return ended

    def describe(self) -> list[dict[str, Any]]:
        """Every account without its secret."""
        return [
            {
                "name": account.name,
                "key": account.key,
                "wallet": str(account.wallet),
                "hedge": account.hedge,
                "open_orders": len(account.open_orders()),
                "positions": sum(bool(one.amount) for one in account.holdings.values()),
            }
            for account in self.accounts.values()
        ]

    def _publish(self, account: Account, event: events.Event) -> None:
        self.changed(account)
        self._told.append((account, event))

    def _number(self, kind: str) -> int:
        counted = self._store.counted
        counted[kind] += 1
        return FIRST.get(kind, 0) + counted[kind]
