"""What can go wrong between an intent and its fill, and what becomes of it."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts import desk as desk_module
from accounts import execution, intents, recovery
from accounts import placing as placing_module
from accounts.domain.exchange import NewOrder
from accounts.intent_documents import (
    CancelAll,
    ClosePosition,
    PlaceOrder,
    parse_result,
)
from accounts.journal import JournalUnavailable
from accounts.models import Fill, Intent, Order, ParentOrder, Position
from core.clock import now_ms
from market.models import Instrument
from tests.accounts.trading import trading
from tests.waiting import eventually, until

pytestmark = pytest.mark.usefixtures("database", "layer")
D = Decimal
BUY = PlaceOrder("BTCUSDT", "BUY", D(2))
UNWIND = replace(BUY, policy="unwind")


@pytest.fixture
async def rig(tmp_path, monkeypatch):
    monkeypatch.setattr(desk_module, "CERTAIN_SECONDS", 0.5)
    monkeypatch.setattr(desk_module, "FIRST_ASK_SECONDS", 0.05)
    async with trading(tmp_path) as made:
        yield made


def sent(rig):
    """How often each order was sent."""
    return [
        n for each in rig.gateways.values() for one in each for n in one.placed.values()
    ]


class TestUnknown:
    async def test_executed_but_unanswered_is_found_filled_and_never_sent_again(
        self, rig
    ):
        rig.gateway("a").fault = "lose_answer"
        state, answer = await rig.ask(BUY)
        assert state == "done", answer
        assert [one.state for one in answer.accounts] == ["filled", "filled"]
        assert answer.parent_state == "done"
        assert sent(rig) == [1, 1]
        assert len(await rig.rows(Order)) == len(await rig.rows(Fill)) == 2
        assert {one.quantity for one in await rig.rows(Position)} == {D(1)}

    async def test_fills_nobody_heard_are_fetched_with_it(self, rig):
        rig.gateway("a").fault, rig.gateway("a").mute = "lose_answer", True
        await rig.ask(BUY)
        assert len(await rig.rows(Fill, account__name="a")) == 1

    async def test_what_never_arrived_is_never_sent(self, rig):
        rig.gateway("a").fault = "lose_request"
        state, answer = await rig.ask(BUY)
        assert state == "done"
        assert [(one.outcome, one.state) for one in answer.accounts] == [
            ("not_sent", "never_sent"),
            ("done", "filled"),
        ]
        assert answer.parent_state == "partial"
        assert sent(rig) == [1, 1]

    async def test_an_exchange_that_cannot_tell_leaves_it_unknown_and_asks_on(
        self, rig, monkeypatch
    ):
        monkeypatch.setattr(placing_module, "RESULT_SECONDS", 0.3)
        shaky = rig.gateway("a")
        shaky.fault = "lose_answer"
        asked = []

        async def silent(ref):
            asked.append(ref)
            raise desk_module.GatewayUnavailable("no answer")

        shaky.query = silent
        shaky.mute = True
        state, answer = await rig.ask(replace(BUY, accounts=("a",)))
        assert state == "done"
        assert (answer.accounts[0].outcome, answer.accounts[0].state) == (
            "unknown",
            "unknown",
        )
        assert answer.parent_state == "working"
        del shaky.query
        await eventually(
            lambda: rig.rows(Order), lambda rows: rows[0].state == "filled"
        )
        assert len(asked) >= 2
        assert (await rig.rows(ParentOrder))[0].state == "done"
        assert sent(rig) == [1]


class TestPartialFailure:
    @pytest.mark.parametrize("fault", ["refuse", "busy"])
    async def test_the_others_stay_where_that_is_wanted(self, rig, fault):
        rig.gateway("a").fault = fault
        state, answer = await rig.ask(BUY)
        assert (state, answer.parent_state) == ("done", "partial")
        assert [one.state for one in answer.accounts][1] == "filled"
        assert answer.accounts[0].error_code in (-2019, -1008)
        assert [one.quantity for one in await rig.rows(Position) if one.quantity] == [1]

    @pytest.mark.parametrize("fault", ["refuse", "busy", "lose_request"])
    async def test_the_others_are_closed_again_where_that_is_wanted(self, rig, fault):
        rig.gateway("a").fault = fault
        state, answer = await rig.ask(UNWIND)
        assert state == "done", answer
        assert answer.parent_state == "unwound"
        assert "unwound, because" in answer.message
        assert {one.quantity for one in await rig.rows(Position)} == {D(0)}
        closing = (await rig.rows(Order, parent=None))[0]
        assert (closing.side, closing.reduce_only, closing.state) == (
            "SELL",
            True,
            "filled",
        )

    @pytest.mark.parametrize("fault", ["refuse", "busy", "lose_request"])
    async def test_what_cannot_be_closed_again_is_not_called_unwound(self, rig, fault):
        rig.gateway("a").fault = "refuse"
        other = rig.gateway("b")
        place = other.inner.place

        async def once(order):
            found = await place(order)
            other.fault = fault
            return found

        other.inner.place = once
        state, answer = await rig.ask(UNWIND)
        assert (state, answer.parent_state) == ("done", "partial")
        assert "BUT NOT CLOSED AGAIN: b: 0 of 1" in answer.message
        held = await rig.rows(Position, account__name="b")
        assert [one.quantity for one in held] == [D(1)]

    async def test_what_rests_is_cancelled_when_it_is_unwound(self, rig):
        rig.gateway("a").fault = "refuse"
        order = replace(UNWIND, order_type="LIMIT", price=D(90))
        _, answer = await rig.ask(order)
        assert answer.parent_state == "unwound"
        assert answer.accounts[1].state == "canceled"
        assert len(await rig.rows(Order)) == 2

    async def test_what_all_refuse_is_refused(self, rig):
        for name in ("a", "b"):
            rig.gateway(name).fault = "refuse"
        state, answer = await rig.ask(UNWIND)
        assert (state, answer.parent_state) == ("refused", "failed")
        assert "Margin is insufficient" in answer.message
        assert {one.state for one in await rig.rows(Order)} == {"rejected"}


class TestSurroundings:
    async def test_a_journal_that_cannot_be_written_means_that_nothing_is_sent(
        self, rig, monkeypatch
    ):
        def full(records):
            raise JournalUnavailable("no space left on device")

        monkeypatch.setattr(rig.session.recorder, "write_ahead", full)
        state, answer = await rig.ask(BUY)
        assert state == "failed"
        assert "journal" in answer.message
        assert sent(rig) == []

    async def test_a_close_that_cannot_be_journalled_is_not_done(
        self, rig, monkeypatch
    ):
        await rig.ask(BUY)

        def full(records):
            raise JournalUnavailable("no space left on device")

        monkeypatch.setattr(rig.session.recorder, "write_ahead", full)
        state, answer = await rig.ask(ClosePosition())
        assert state == "failed"
        assert {(one.account, one.outcome) for one in answer.accounts} == {
            ("a", "not_sent"),
            ("b", "not_sent"),
        }

    async def test_a_position_of_no_contract_keeps_no_other_from_being_closed(
        self, rig
    ):
        await rig.ask(BUY)
        await rig.ask(replace(BUY, symbol="ETHUSDT"))
        await Instrument.objects.filter(symbol="BTCUSDT").adelete()
        state, answer = await rig.ask(ClosePosition())
        assert state == "done"
        assert {(one.symbol, one.outcome) for one in answer.accounts} == {
            ("BTCUSDT", "refused"),
            ("ETHUSDT", "done"),
        }
        held = await rig.rows(Position, symbol="ETHUSDT")
        assert {one.quantity for one in held} == {D(0)}

    async def test_cancelling_all_answers_though_nobody_can_tell_how_orders_ended(
        self, rig, monkeypatch
    ):
        monkeypatch.setattr(execution, "COMPARE_SECONDS", 0.3)
        await rig.ask(replace(BUY, order_type="LIMIT", price=D(90)))

        async def silent(ref):
            raise desk_module.GatewayUnavailable("no answer")

        for name in ("a", "b"):
            rig.gateway(name).query = silent
        state, answer = await rig.ask(CancelAll())
        assert (state, len(answer.accounts)) == ("done", 2)

    async def test_a_database_that_is_away_does_not_end_the_private_stream(
        self, rig, monkeypatch
    ):
        desk = next(iter(rig.session.desks.open.values()))
        compare, away = desk_module.compare, [OperationalError("away")] * 2

        async def comparing(*arguments, **options):
            if away:
                raise away.pop()
            return await compare(*arguments, **options)

        monkeypatch.setattr(desk_module, "compare", comparing)
        monkeypatch.setattr(desk_module, "FIRST_AGAIN_SECONDS", 0.05)
        desk.want_comparison("asked")
        await asyncio.wait_for(desk.compared.wait(), 10)
        assert away == []
        assert desk in rig.session.desks.open.values()
        assert rig.session.desks.problems == {}

    async def test_an_order_of_an_account_closed_meanwhile_is_on_record_as_not_sent(
        self, rig
    ):
        desks = rig.session.desks.open
        write_ahead = rig.session.recorder.write_ahead

        def journalled(records):
            write_ahead(records)
            for number in [n for n, desk in desks.items() if desk.name == "a"]:
                del desks[number]

        rig.session.recorder.write_ahead = journalled
        state, answer = await rig.ask(BUY)
        assert (state, answer.parent_state) == ("done", "partial")
        assert [(one.outcome, one.state) for one in answer.accounts] == [
            ("not_sent", "never_sent"),
            ("done", "filled"),
        ]

    async def test_a_lease_that_ran_out_stops_what_is_sent(self, rig, monkeypatch):
        async def away():
            """Redis does not answer."""

        monkeypatch.setattr(rig.trader, "_hold", away)
        rig.trader._lease_until = 0.0
        intent = await rig.submit(BUY, take_seconds=0.5)
        ended = await intents.intent_wait_async(intent.id, 3)
        assert ended.state == "expired"
        order = NewOrder("q1", "BTCUSDT", "BUY", "MARKET", D(1))
        desk = next(iter(rig.session.desks.open.values()))
        assert (await desk.place(order)).kind == "not_sent"

    async def test_a_stream_that_is_lost_closes_the_account_until_compared(self, rig):
        inner = rig.gateway("a").inner
        now = inner._market.now_ms()
        inner._queue.put(desk_module.StreamNews(up=False, at=now, reason="cut"))
        await until(lambda: rig._ready() == 1)
        state, answer = await rig.ask(replace(BUY, accounts=("a",)))
        assert (state, answer.codes) == ("refused", ("account_not_reconciled",))
        inner._queue.put(desk_module.StreamNews(up=True, at=now, reason="back"))
        await until(lambda: rig._ready() == 2)
        state, _ = await rig.ask(replace(BUY, accounts=("a",)))
        assert state == "done"

    async def test_a_disabled_account_takes_no_part(self, rig):
        await sync_to_async(disable)("a")
        _, answer = await rig.ask(replace(BUY, accounts=("a", "b")))
        assert [one.outcome for one in answer.accounts] == ["done", "skipped"]

    async def test_an_account_that_fails_leaves_the_others_alone(self, rig):
        rig.gateway("a").broken = True
        inner = rig.gateway("a").inner
        inner._queue.put(desk_module.StreamNews(up=True, at=1, reason="again"))
        await until(lambda: "a" in rig.session.desks.problems)
        state, answer = await rig.ask(replace(BUY, accounts=("b",)))
        assert state == "done", answer
        await until(lambda: rig._ready() == 2)


def disable(name):
    from accounts.models import ExchangeAccount

    ExchangeAccount.objects.filter(name=name).update(enabled=False)


class TestTakingOver:
    async def test_a_second_trader_stands_by_and_takes_over(self, rig):
        first, first_task = rig.trader, rig._tasks[0]
        rig.start()
        await asyncio.sleep(1.5)
        assert rig.trader.session is None
        assert first.session is not None
        await rig.stop(first_task)
        await rig.opened(2)
        state, _ = await rig.ask(BUY)
        assert state == "done"

    async def test_what_was_asked_before_the_accounts_are_open_waits_for_them(
        self, rig
    ):
        await rig.stop(rig._tasks[0])
        waiting = await sync_to_async(Intent.objects.create)(
            venue="simulator",
            kind="place",
            payload=intents.document(BUY),
            actor="alice",
            created_at=now_ms(),
            deadline=now_ms() + 10_000,
        )
        rig.start()
        ended = await intents.intent_wait_async(waiting.id, 10)
        assert ended.state == "done"

    async def test_an_intent_left_taken_before_anything_was_sent_fails(self, rig):
        await rig.stop(rig._tasks[0])
        left = await self.taken(BUY)
        rig.start()
        ended = await intents.intent_wait_async(left.id, 10)
        assert ended.state == "failed"
        assert "before anything was sent" in parse_result(ended.result).message

    @staticmethod
    async def taken(payload):
        def make():
            intent = Intent.objects.create(
                venue="simulator",
                kind="place",
                payload=intents.document(payload),
                actor="alice",
                state="taken",
                created_at=now_ms(),
                deadline=now_ms() + 10_000,
            )
            return intent

        return await sync_to_async(make)()

    async def test_an_end_that_a_gateway_swallows_while_it_opens_is_one_all_the_same(
        self, rig
    ):
        await rig.stop(rig._tasks[0])
        make, opening = rig.make, asyncio.Event()

        async def opens_slowly(account):
            made = await make(account)

            async def start():
                opening.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(10)
                await made.inner.start()

            made.start = start
            return made

        rig.make = opens_slowly
        task = rig.start()
        await opening.wait()
        async with asyncio.timeout(5):
            await rig.stop(task)
        assert task.cancelled()

    async def test_what_nobody_can_ask_for_is_answered_as_unknown(
        self, rig, monkeypatch
    ):
        monkeypatch.setattr(recovery, "SHUT_SECONDS", 1.0)
        for name in ("a", "b"):
            rig.gateway(name).fault, rig.gateway(name).mute = "lose_request", True
        rig.session.desks._room.recorder.put = lambda records: None
        intent = await rig.submit(BUY)
        await until(lambda: len(sent(rig)) == 2)
        await rig.stop(rig._tasks[0])

        async def refused(account):
            raise desk_module.GatewayRefused("no key")

        rig.make = refused
        rig.start()
        ended = await intents.intent_wait_async(intent.id, 10)
        answer = parse_result(ended.result)
        assert {one.outcome for one in answer.accounts} == {"unknown"}
        assert answer.parent_state == "working"

    @pytest.mark.parametrize("executed", [True, False])
    async def test_what_was_journalled_is_asked_for_and_answered(self, rig, executed):
        """The trader ended after the journal: the exchange knows what came through."""
        for name in ("a", "b"):
            rig.gateway(name).fault = "lose_answer" if executed else "lose_request"
            rig.gateway(name).mute = True
        rig.session.desks._room.recorder.put = lambda records: None
        intent = await rig.submit(BUY)
        await until(lambda: len(sent(rig)) == 2)
        if executed:
            await until(lambda: all(rig.gateway(n).executed for n in ("a", "b")))
        task = rig._tasks[0]
        for name in ("a", "b"):
            rig.gateway(name).fault = ""
        await rig.stop(task)
        rig.start()
        ended = await intents.intent_wait_async(intent.id, 15)
        answer = parse_result(ended.result)
        states = {one.state for one in answer.accounts}
        if executed:
            assert (ended.state, states) == ("done", {"filled"})
            assert answer.parent_state == "done"
        else:
            assert (ended.state, states) == ("failed", {"never_sent"})
        assert sent(rig) == [1, 1]
        assert len(await rig.rows(Order)) == 2
