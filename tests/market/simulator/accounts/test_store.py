"""What the exchange keeps of accounts, over restarts and kills."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from decimal import Decimal as D
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from market.simulator.accounts.records import Account, Algo, IncomeRow, Order, TradeRow
from market.simulator.accounts.store import Store
from tests.market.simulator.accounts.conftest import trader_of

MONEY = st.decimals("-999999999", "999999999", places=8)


def order(number, money, status="NEW"):
    parts = ("X", "BUY", "BOTH", "LIMIT", "GTC", money, money, 1, 2)
    return Order(number, f"c{number}", *parts, status=status, filled=money)


def algo(number, money):
    parts = ("X", "BUY", "BOTH", "STOP", "GTC", money, money, money, "MARK_PRICE", 1, 2)
    return Algo(number, f"a{number}", *parts, extreme=money)


@given(st.lists(MONEY, max_size=5), MONEY)
def test_an_account_comes_back_from_disk_as_it_was(amounts, wallet):
    owner = Account(key="k", secret="s", wallet=wallet, leverages={"X": 3})
    owner.holding("X", "LONG").cost = wallet
    for number, money in enumerate(amounts):
        owner.add(order(number, money))
        owner.add(algo(number, money))
        owner.add(TradeRow(number, 1, "X", "BUY", "BOTH", *[money] * 4, True, 5))
        owner.add(IncomeRow(number, "COMMISSION", money, "X", 5, "7"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "accounts.sqlite3"
        store = Store(file)
        store.counted["order"] = 9
        store.save([owner])
        assert not owner.unsaved
        store.close()
        again = Store(file)
        assert again.accounts == {"k": owner}
        assert again.accounts["k"].open_orders() == owner.open_orders()
        assert again.counted["order"] == 9
        again.close()


def test_a_row_that_changed_is_written_again_and_only_it(tmp_path):
    file = tmp_path / "accounts.sqlite3"
    store, owner = Store(file), Account(key="k", secret="s")
    first, second = order(1, D(1)), order(2, D(2))
    owner.add(first)
    owner.add(second)
    store.save([owner])
    first.status, second.status = "CANCELED", "FILLED"
    owner.touch(first)
    store.save([owner])
    store.close()
    again = Store(file)
    kept = again.accounts["k"].orders
    again.close()
    assert [one.status for one in kept.values()] == ["CANCELED", "NEW"]


def test_a_forgotten_account_leaves_nothing_and_the_file_is_its_owners_alone(tmp_path):
    file = tmp_path / "accounts.sqlite3"
    store, owner = Store(file), Account(key="k", secret="s")
    owner.add(order(1, D(1)))
    store.save([owner])
    modes = {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    assert modes == {0o600}
    store.forget("k")
    owner = Account(key="k", secret="t")
    store.save([owner])
    store.close()
    again = Store(file)
    assert not again.accounts["k"].orders
    again.close()


async def test_accounts_survive_a_restart_of_the_exchange(start):
    async with start() as client:
        trader = trader_of(client, name="kept")
        await trader.place(quantity="0.3")
        kept = trader.account
    async with start() as client:
        (account,) = client.simulator.accounts.accounts.values()
        assert account == kept
        numbers = set(account.orders)
        trader = trader_of(client, key=account.key, secret=account.secret)
        placed = await trader.place(quantity="0.1")
        assert placed["orderId"] not in numbers


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from tests.market.simulator.accounts.conftest import Trader
import aiohttp
class Client: pass
async def main():
    async with running_simulator(SimulatorSettings(symbols=2), Path(sys.argv[1])) as at:
        async with aiohttp.ClientSession() as session:
            client = Client()
            client.simulator, client.session = at, session
            trader = Trader(client, at.accounts.open())
            for _ in range(3):
                placed = await trader.place(quantity="0.01")
                print(placed["orderId"], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_an_order_that_was_answered_is_kept_though_the_exchange_is_killed(
    tmp_path,
):
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        str(tmp_path),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    said, _ = await child.communicate()
    assert child.returncode == -signal.SIGKILL
    answered = [int(line) for line in said.split()]
    store = Store(tmp_path / "accounts.sqlite3")
    (account,) = store.accounts.values()
    store.close()
    assert list(account.orders) == answered
    assert len(answered) == 3
    assert {one.order_number for one in account.trades} == set(answered)
