"""Asking what keys may do, over real connections to prepared answers."""

import json

import pytest
from channels.db import database_sync_to_async
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from accounts import key_check
from accounts.account_services import account_create, keys_set
from accounts.messages import decision
from accounts.models import ExchangeAccount
from core.models import AuditEntry
from market.binance import urls
from market.binance.private_rest import PrivateRest
from market.binance.urls import Endpoints
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from tests.accounts.vault import var
from tests.market.binance.desk import KEY, SECRET, caller_of, open_desk, refusal

__all__ = ["var"]

RESTRICTIONS = "GET /sapi/v1/account/apiRestrictions"
CONFIG = "GET /fapi/v1/accountConfig"
GOOD = {
    "ipRestrict": True,
    "createTime": 1_790_000_000_000,
    "enableReading": True,
    "enableFutures": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
}
ONE_WAY = {"canTrade": True, "canWithdraw": True, "dualSidePosition": False}

pytestmark = pytest.mark.django_db(transaction=True)


def owner(venue="binance", name="main"):
    made = account_create(actor="boss", venue=venue, name=name)
    return keys_set(
        made, actor="boss", api_key=SecretStr(KEY), api_secret=SecretStr(SECRET)
    )


@pytest.fixture
async def desk(monkeypatch, var, bus):
    async with open_desk() as desk:
        here = Endpoints(desk.url, "", desk.url)
        monkeypatch.setitem(urls.VENUES, "binance", here)
        monkeypatch.setitem(urls.VENUES, "testnet", Endpoints(desk.url, ""))
        desk.on("GET /api/v3/time", {"serverTime": 1_790_000_000_000})
        desk.on(CONFIG, ONE_WAY)
        desk.on(RESTRICTIONS, GOOD)
        yield desk


async def checked(*accounts, venue="binance"):
    return await key_check.keys_check(accounts, venue=venue, actor="boss")


async def test_a_good_key_passes_and_its_verdict_is_kept_with_its_time(desk):
    account = await database_sync_to_async(owner)()
    (found,) = await checked(account)
    assert found.verdict.passed
    stored = await ExchangeAccount.objects.aget()
    assert stored.key_check["passed"]
    assert stored.key_checked_at > account.created_at
    (asked,) = desk.of(RESTRICTIONS)
    assert asked.headers["X-MBX-APIKEY"] == KEY
    assert not decision(account).reason


async def test_the_same_verdict_is_told_once_and_another_one_again(desk):
    account = await database_sync_to_async(owner)()
    await checked(account)
    await checked(account)
    entries = AuditEntry.objects.filter(action="keys.check")
    assert await entries.acount() == 1
    desk.on(RESTRICTIONS, GOOD | {"enableWithdrawals": True})
    (found,) = await checked(account)
    assert not found.verdict.passed
    newest = await entries.afirst()
    assert json.loads(newest.before)["withdrawals"] == "ok"
    assert json.loads(newest.after)["withdrawals"] == "failed"


async def test_a_venue_that_does_not_tell_is_not_asked(desk):
    account = await database_sync_to_async(owner)("testnet")
    (found,) = await checked(account, venue="testnet")
    assert found.verdict.passed
    assert desk.of(RESTRICTIONS) == []


async def test_a_refused_key_is_a_verdict(desk):
    desk.on(CONFIG, refusal(-2015, "Invalid API-key, IP, or permissions.", 401))
    account = await database_sync_to_async(owner)()
    (found,) = await checked(account)
    assert "Invalid API-key" in found.verdict.findings[0].text
    assert not (await ExchangeAccount.objects.aget()).key_check["passed"]


async def test_an_exchange_that_cannot_tell_changes_no_verdict(desk):
    account = await database_sync_to_async(owner)()
    await checked(account)
    before = await ExchangeAccount.objects.aget()
    desk.on(RESTRICTIONS, (500, {"code": -1000, "msg": "busy"}))
    (found,) = await checked(account)
    assert found.verdict is None
    assert "busy" in found.problem
    after = await ExchangeAccount.objects.aget()
    assert (after.key_check, after.key_checked_at) == (
        before.key_check,
        before.key_checked_at,
    )


async def test_a_key_that_was_changed_meanwhile_keeps_no_old_verdict(desk):
    account = await database_sync_to_async(owner)()
    await database_sync_to_async(keys_set)(
        account, actor="boss", api_key=SecretStr(KEY), api_secret=SecretStr(SECRET)
    )
    (found,) = await checked(account)
    assert "changed meanwhile" in found.problem
    assert (await ExchangeAccount.objects.aget()).key_check == {}


async def test_accounts_without_a_key_are_left_out(desk):
    account = await database_sync_to_async(account_create)(
        actor="boss", venue="binance", name="bare"
    )
    assert await checked(account) == []
    assert desk.asked == []


async def test_the_command_tells_each_finding_and_fails_with_a_bad_key(
    desk, settings, capsys
):
    def run(*names):
        call_command("check_keys", *names)

    site = settings.QUANTAI.site.model_copy(update={"exchange": "binance"})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    await database_sync_to_async(owner)()
    await database_sync_to_async(run)("main")
    out = capsys.readouterr().out
    assert "main: passed" in out
    assert "✓ withdrawals: the key may not withdraw" in out
    desk.on(RESTRICTIONS, GOOD | {"ipRestrict": False})
    with pytest.raises(CommandError, match="not every key passed"):
        await database_sync_to_async(run)()
    assert "✗ ip: any address" in capsys.readouterr().out
    with pytest.raises(CommandError, match="binance has no account other"):
        await database_sync_to_async(run)("other")


async def test_the_simulated_exchange_tells_what_its_keys_may_do(
    var, bus, settings, tmp_path
):
    async with running_simulator(SimulatorSettings(symbols=1), tmp_path) as simulator:
        market = settings.QUANTAI.market.model_copy(
            update={
                "simulator_url": simulator.base_url,
                "simulator_ca": str(simulator.ca_path),
            }
        )
        settings.QUANTAI = settings.QUANTAI.model_copy(update={"market": market})
        for name, more in (("good", {}), ("bad", {"can_withdraw": True})):
            opened = simulator.accounts.open(name=name, **more)
            made = await database_sync_to_async(account_create)(
                actor="boss", venue="simulator", name=name
            )
            await database_sync_to_async(keys_set)(
                made,
                actor="boss",
                api_key=SecretStr(opened.key),
                api_secret=SecretStr(opened.secret),
            )
        accounts = [one async for one in ExchangeAccount.objects.order_by("-name")]
        good, bad = await checked(*accounts, venue="simulator")
    assert good.verdict.passed
    failed = [one.name for one in bad.verdict.findings if one.level == "failed"]
    assert failed == ["withdrawals"]


async def test_ask_reads_what_the_exchange_says(desk):
    async with caller_of(desk) as caller:
        answer = await key_check.ask(PrivateRest(caller), with_restrictions=True)
    assert answer.restrictions.ip_restricted
    assert (answer.can_trade, answer.hedge) == (True, False)
