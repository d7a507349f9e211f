"""The published calls as scripts have them, against a trader at work."""

from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts.intents import TraderAbsent
from accounts.models import ExchangeAccount
from accounts.multi_account import AccountType, MultiAccountManager, OrderFailed
from core.errors import Conflict, InvalidInput
from tests.accounts.trading import trading

pytestmark = pytest.mark.usefixtures("database", "layer")
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "quantity": 1.0}


def manager():
    multi_acc = MultiAccountManager(actor="alice")
    multi_acc.add_account(
        account_id="account_1",
        account_type=AccountType.PRIMARY,
        api_key="key1",
        api_secret="secret1",
        weight=1.5,
        group="aggressive",
    )
    multi_acc.add_account(
        account_id="account_2",
        account_type=AccountType.HEDGE,
        api_key="key2",
        api_secret="secret2",
        weight=1.0,
        group="特别",
    )
    return multi_acc


@pytest.fixture
def master_keys(settings, tmp_path):
    from accounts import keys

    site = settings.QUANTAI.site.model_copy(update={"var": tmp_path})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    return sync_to_async(keys.check_master_key)


async def test_the_published_calls_run_as_written(tmp_path, master_keys):
    async with trading(tmp_path, names=()) as rig:
        await master_keys()
        multi_acc = manager()
        results = await multi_acc.distribute_order(ORDER, strategy="weighted")
        assert {name: one["quantity"] for name, one in results.items()} == {
            "account_1": Decimal("0.6"),
            "account_2": Decimal("0.4"),
        }
        assert {one["state"] for one in results.values()} == {"filled"}
        positions = await multi_acc.get_merged_positions()
        assert positions["BTCUSDT"]["net"] == "1"
        report = multi_acc.generate_performance_report()
        assert report["total_accounts"] == 2
        assert report["account_groups"] == {"aggressive": 1, "特别": 1}
        again = await multi_acc.distribute_order(
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "price": "120",
                "quantity": "0.5",
            },
            strategy="equal",
        )
        assert {one["state"] for one in again.values()} == {"new"}
        rows = await rig.rows(ExchangeAccount)
        assert [one.account_type for one in rows] == ["PRIMARY", "HEDGE"]
        assert all(one.api_key_cipher for one in rows)


async def test_accounts_are_counted_before_anything_is_stored():
    multi_acc = manager()
    report = multi_acc.generate_performance_report()
    assert report["total_accounts"] == 2
    assert report["account_groups"]["aggressive"] == 1
    assert not await ExchangeAccount.objects.aexists()


async def test_without_a_trader_nothing_is_sent_and_it_says_so(master_keys):
    await master_keys()
    with pytest.raises(TraderAbsent):
        await manager().distribute_order(ORDER)


async def test_what_makes_no_sense_is_refused_before_it_is_stored():
    multi_acc = manager()
    with pytest.raises(Conflict):
        multi_acc.add_account("account_1")
    with pytest.raises(InvalidInput):
        multi_acc.add_account("account_3", weight="nan")
    with pytest.raises(InvalidInput):
        await multi_acc.distribute_order({**ORDER, "side": "HOLD"})
    assert not await ExchangeAccount.objects.aexists()


async def test_what_the_trader_refuses_names_the_field(tmp_path, master_keys):
    async with trading(tmp_path):
        await master_keys()
        multi_acc = MultiAccountManager(actor="alice")
        with pytest.raises(InvalidInput) as refused:
            await multi_acc.distribute_order({**ORDER, "accounts": ["z"]})
        assert (refused.value.field, refused.value.value) == ("accounts", "z")


async def test_an_order_that_failed_is_no_wrong_input(tmp_path, master_keys):
    async with trading(tmp_path) as rig:
        await master_keys()
        rig.session.execution._handlers.clear()
        with pytest.raises(OrderFailed, match="it failed inside"):
            await MultiAccountManager(actor="alice").distribute_order(ORDER)


def test_secrets_do_not_show(db):
    assert "secret1" not in repr(vars(manager()))
