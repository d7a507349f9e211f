"""F11: another program deletes the account's listen key; the socket is open and mute."""

import pytest

from accounts.gateways import binance
from tests.faults.trading import trading
from tests.waiting import until


@pytest.fixture
def exchange_settings():
    return {"symbols": 4}


async def test_a_deleted_key_is_noticed_in_the_silence(simulator):
    async with trading(simulator, quiet=0.5) as at_work:
        await until(lambda: at_work.ups)
        at_work.arm("listen_key", shape="deleted")
        await until(lambda: len(at_work.ups) == 2)
        assert "does not exist" in at_work.downs[0].reason
        await at_work.gateway.place(at_work.market("after"))
        await until(lambda: at_work.fills("after"))


async def test_a_fill_that_no_socket_told_is_found_by_asking(simulator, monkeypatch):
    monkeypatch.setattr(binance, "EVENT_SECONDS", 0.5)
    monkeypatch.setattr(binance, "LOOK_SECONDS", 0.1)
    async with trading(simulator) as at_work:
        await until(lambda: at_work.ups)
        at_work.arm("listen_key", shape="deleted")
        await at_work.gateway.place(at_work.market("unheard"))
        await until(lambda: len(at_work.ups) == 2)
        assert "did not tell of order unheard" in at_work.downs[0].reason
        assert not at_work.fills("unheard")
        found = await at_work.gateway.fills(at_work.symbol, since_ms=0)
        assert sum(fill.quantity for fill in found) == at_work.market("x").quantity
