"""F10: the listen key ends; asking for the old one for ever never helps."""

import pytest

from tests.faults.trading import trading
from tests.waiting import until


@pytest.fixture
def exchange_settings():
    return {"symbols": 4}


async def test_an_expired_key_is_replaced_with_its_socket_and_nothing_stays_missing(
    simulator,
):
    async with trading(simulator) as at_work:
        await until(lambda: at_work.ups)
        old = at_work.account.listen_key
        at_work.arm("listen_key", shape="expired")
        await until(lambda: len(at_work.ups) == 2)
        assert at_work.account.listen_key not in ("", old)
        assert "expired" in at_work.downs[0].reason
        outcome = await at_work.gateway.place(at_work.market("after"))
        await until(lambda: at_work.fills("after"))
        assert outcome.kind == "done"
        picture = await at_work.gateway.picture()
        assert picture.positions[0].quantity == outcome.news.quantity
        kinds = [report.kind for report in at_work.reports]
        assert kinds == ["connected", "disconnected", "connected"]


async def test_a_key_that_is_gone_at_the_next_renewal_is_not_asked_for_again(simulator):
    async with trading(simulator, quiet=0.5) as at_work:
        await until(lambda: at_work.ups)
        at_work.account.listen_until_ms = 0
        await until(lambda: len(at_work.ups) == 2)
        assert len(at_work.downs) == 1
