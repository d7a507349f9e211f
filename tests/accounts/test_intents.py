"""Asking and waiting, on real Redis and database."""

import asyncio
import time
import uuid
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts import intents
from accounts.intent_documents import CancelAll, IntentResult, PlaceOrder, parse_result
from accounts.models import Intent
from accounts.models.orders import IntentState
from core import bell
from core import redis as core_redis
from core.errors import BusUnavailable, Conflict, InvalidInput
from core.leases import Leases, Member

VENUE = "simulator"
ORDER = PlaceOrder("BTCUSDT", "BUY", Decimal(1))


async def show_life():
    redis = core_redis.client()
    member = Member.here("trader", uuid.uuid4().hex[:6])
    leases = Leases(
        redis, intents.job(VENUE), member, count=1, seconds=intents.LEASE_SECONDS
    )
    await leases.beat()
    await redis.aclose()


@pytest.fixture
def trader(bus):
    asyncio.run(show_life())


def submit(**changes):
    return intents.intent_submit(**{"payload": ORDER, "actor": "alice"} | changes)


@pytest.mark.django_db(transaction=True)
class TestAsking:
    def test_nothing_is_written_without_a_trader(self, bus):
        with pytest.raises(intents.TraderAbsent, match="run_trader"):
            submit()
        assert not Intent.objects.exists()

    def test_nothing_is_written_without_redis(self, settings):
        site = settings.QUANTAI.site.model_copy(
            update={"redis_url": "unix:///nowhere/redis.sock"}
        )
        settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
        with pytest.raises(BusUnavailable):
            submit()
        assert not Intent.objects.exists()

    def test_a_key_gives_the_first_intent_back(self, trader):
        first = submit(idempotency_key="k")
        assert submit(idempotency_key="k").id == first.id
        assert submit(idempotency_key="k", actor="bob").id != first.id
        assert submit().id != submit().id

    def test_a_key_cannot_be_used_for_something_else(self, trader):
        submit(idempotency_key="k")
        with pytest.raises(Conflict):
            submit(idempotency_key="k", payload=CancelAll())

    def test_an_answered_intent_is_given_back_when_the_trader_is_gone(
        self, trader, bus
    ):
        first = submit(idempotency_key="k")
        bus.flushall()
        assert submit(idempotency_key="k").id == first.id

    def test_a_key_that_is_too_long_is_refused(self, trader):
        with pytest.raises(InvalidInput):
            submit(idempotency_key="k" * 81)


@pytest.mark.django_db(transaction=True)
class TestTakingAndEnding:
    def test_only_one_takes_an_intent(self, trader):
        intent = submit()
        again = Intent.objects.get(id=intent.id)
        assert intents.intent_take(intent=intent, trader="one")
        assert not intents.intent_take(intent=again, trader="two")
        assert intent.taken_by == "one"
        assert not intents.intents_waiting(venue=VENUE)

    def test_nobody_takes_it_after_its_deadline(self, trader):
        intent = submit(take_seconds=-1)
        assert not intents.intent_take(intent=intent, trader="one")
        assert not intents.intents_waiting(venue=VENUE)
        intent.refresh_from_db()
        assert intent.state == "expired"
        assert "nothing was sent" in parse_result(intent.result).message

    def test_an_end_is_final(self, trader):
        intent = submit()
        intents.intent_take(intent=intent, trader="one")
        done = IntentResult(message="first")
        assert intents.intent_end(intent=intent, state=IntentState.DONE, result=done)
        assert not intents.intent_end(
            intent=intent, state=IntentState.FAILED, result=IntentResult()
        )
        intent.refresh_from_db()
        assert parse_result(intent.result) == done


@pytest.mark.django_db(transaction=True)
class TestWaiting:
    async def test_a_bell_ends_the_wait_at_once(self, bus, monkeypatch):
        monkeypatch.setattr(intents, "LOOK_SECONDS", 10.0)
        await show_life()
        intent = await sync_to_async(submit)()
        waiting = asyncio.create_task(intents.intent_wait_async(intent.id, 10))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await self.answer(intent)
        assert (await waiting).state == "done"
        assert time.monotonic() - begun < 5

    @staticmethod
    async def answer(intent):
        def end():
            intents.intent_take(intent=intent, trader="one")
            intents.intent_end(
                intent=intent, state=IntentState.DONE, result=IntentResult()
            )

        await sync_to_async(end)()
        redis = core_redis.client()
        await bell.ring(redis, intents.bell_name(intent.id))
        await redis.aclose()

    def test_what_is_not_answered_comes_back_as_it_is(self, trader):
        intent = submit()
        assert intents.intent_wait(intent.id, 0.1).state == "waiting"

    def test_what_nobody_took_in_time_has_expired(self, trader):
        intent = submit(take_seconds=0.05)
        assert intents.intent_wait(intent.id, 3).state == "expired"
