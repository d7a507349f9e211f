"""``manage simulator_account`` against a running simulator."""

import asyncio
import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator


@pytest.fixture
async def simulator(tmp_path):
    async with running_simulator(SimulatorSettings(symbols=2), tmp_path) as running:
        yield running


@pytest.fixture
def say(simulator):
    async def run(*words):
        shown = io.StringIO()
        await asyncio.to_thread(
            call_command,
            "simulator_account",
            f"--url={simulator.plain_url}",
            *words,
            stdout=shown,
        )
        return shown.getvalue()

    return run


async def test_an_account_is_opened_with_its_secret_and_listed_without(say, simulator):
    assert await say("list") == "no account was opened\n"
    made = await say("open", "demo", "--balance=250.5", "--hedge")
    (account,) = simulator.accounts.accounts.values()
    assert made == f"key {account.key}\nsecret {account.secret}\n"
    assert (str(account.wallet), account.hedge) == ("250.5", True)
    listed = await say("list")
    assert "demo" in listed
    assert "hedge" in listed
    assert account.secret not in listed


async def test_an_account_of_a_signing_key_knows_the_public_one(
    say, simulator, tmp_path
):
    file = tmp_path / "public.pem"
    file.write_text("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n")
    made = await say("open", "signs", f"--public-key={file}")
    (account,) = simulator.accounts.accounts.values()
    assert "secret" not in made
    assert account.secret == file.read_text()


async def test_money_is_brought_in_and_taken_out(say, simulator):
    await say("open", "demo", "--balance=250")
    assert await say("transfer", "demo", "--", "-50") == "demo has 200.00000000 USDT\n"
    (account,) = simulator.accounts.accounts.values()
    assert [str(one.amount) for one in account.incomes] == ["250", "-50.00000000"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("transfer", "nobody", "1"), "there is no account 'nobody'"),
        (("open", "x", "--balance=-1"), "must be 0 or more"),
        (("open", "x", "--public-key=/nowhere"), "--public-key /nowhere"),
    ],
)
async def test_a_bad_wish_is_an_error_that_says_why(say, words, message):
    with pytest.raises(CommandError, match=message):
        await say(*words)
