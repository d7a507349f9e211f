"""F19: the exchange executed and its answer says nothing; a retry would double the order."""

import pytest

from accounts.domain.exchange import OrderRef
from tests.faults.trading import trading
from tests.waiting import until

ORDER = "/fapi/v1/order"


@pytest.fixture
def exchange_settings():
    return {"symbols": 4}


@pytest.mark.parametrize(
    "answer", ["executed_unknown", "executed_lost", "executed_late"]
)
async def test_one_order_is_there_its_state_is_found_and_none_is_sent_again(
    simulator, answer
):
    async with trading(simulator, order_seconds=1.0) as at_work:
        await until(lambda: at_work.ups)
        number = at_work.arm("rest", answer=answer, path=ORDER, count=1, seconds=3)
        outcome = await at_work.gateway.place(at_work.market("lost"))
        assert outcome.kind == "unknown"
        assert simulator.faults.hits(number) == 1
        news = await at_work.gateway.query(OrderRef(at_work.symbol, "lost"))
        assert news.status == "filled"
        assert len(at_work.exchange_orders) == 1
        await until(lambda: at_work.fills("lost"))
        assert at_work.states("lost")[-1] == "filled"


async def test_an_earlier_attempt_that_rests_is_recognised_by_its_id(simulator):
    async with trading(simulator) as at_work:
        order = at_work.limit("again", at_work.below("0.97"))
        first = await at_work.gateway.place(order)
        second = await at_work.gateway.place(order)
        assert first.kind == second.kind == "done"
        assert first.news.ref == second.news.ref
        assert len(at_work.exchange_orders) == 1


@pytest.mark.parametrize("shape", ["duplicate", "shuffle", "late"])
async def test_events_twice_late_or_in_another_order_tell_the_same_in_the_end(
    simulator, shape
):
    async with trading(simulator) as at_work:
        await until(lambda: at_work.ups)
        at_work.arm("user_event", shape=shape)
        await at_work.gateway.place(at_work.market("a"))
        await until(lambda: at_work.fills("a") and "filled" in at_work.states("a"))
        found = await at_work.gateway.fills(at_work.symbol, since_ms=0)
        assert {fill.trade_id for fill in found} == at_work.fills("a")
        assert len(at_work.ups) == 1
