"""Which gateway an account gets, and what the gateways of a process share."""

from decimal import Decimal

import pytest
from django.db import OperationalError

from accounts import plan_selectors
from accounts.config import AccountsSettings
from accounts.domain.modes import Circumstances, decide, truth_table
from accounts.gateway import GatewayRefused
from accounts.gateways.binance import BinanceGateway
from accounts.gateways.build import RULES_SECONDS, Gateways, KnownRules, costs
from accounts.gateways.paper import PaperGateway
from accounts.models import ExchangeAccount
from core import redis as core_redis
from market.binance.config import WsSettings
from market.binance.signing import HmacSigner
from market.models import Instrument
from tests.clock import FakeClock
from tests.market.conftest import database, simulator

__all__ = ["database", "simulator"]


def account(**more):
    return ExchangeAccount(pk=7, venue="simulator", name="main", created_at=1, **more)


def key_of(_):
    return "key", HmacSigner("secret")


@pytest.fixture
async def gateways(bus, settings, tmp_path):
    redis = core_redis.client()
    market = settings.QUANTAI.market.model_copy(
        update={"simulator_url": "http://127.0.0.1:9"}
    )
    made = Gateways(
        venue="simulator", ws=WsSettings(), market=market, accounts=AccountsSettings(),
        folder=tmp_path, redis=redis,
    )  # fmt: skip
    yield made
    await made.close()
    await redis.aclose()


@pytest.mark.parametrize(("given", "decision"), list(truth_table()))
async def test_every_cell_of_the_truth_table_gets_its_gateway(
    gateways, given, decision
):
    if decision.way == "refused":
        with pytest.raises(GatewayRefused, match=decision.reason):
            gateways.build(account(), decision, key_of)
        return
    made = gateways.build(account(), decision, key_of)
    kinds = {"paper": PaperGateway, "exchange": BinanceGateway}
    assert type(made) is kinds[decision.way]
    assert made.account == "main"


async def test_a_paper_account_needs_no_key(gateways):
    def none(_):
        raise AssertionError("asked for a key")

    decision = decide(Circumstances(venue="binance", mode="paper"))
    assert isinstance(gateways.build(account(), decision, none), PaperGateway)


@pytest.mark.usefixtures("database")
async def test_the_private_stream_is_named_by_its_account(gateways):
    decision = decide(Circumstances(venue="simulator", mode="exchange"))
    made = gateways.build(account(), decision, key_of)
    assert made.stream.connection.id == "trader.private-7"
    assert gateways._connections() == []
    await made.start()
    assert gateways._connections() == [made.stream.connection]
    await made.close()
    assert gateways._connections() == []


@pytest.mark.usefixtures("database")
async def test_an_exchange_that_is_away_does_not_stop_the_start(gateways, caplog):
    await gateways.start()
    assert "not known yet" in caplog.text
    assert not gateways.rest.exchange_clock.synchronised


async def test_the_exchanges_own_limits_are_learned(
    simulator, bus, settings, tmp_path, database
):
    redis = core_redis.client()
    market = settings.QUANTAI.market.model_copy(
        update={
            "simulator_url": simulator.base_url,
            "simulator_ca": str(simulator.ca_path),
        }
    )
    made = Gateways(
        venue="simulator", ws=WsSettings(), market=market, accounts=AccountsSettings(),
        folder=tmp_path, redis=redis,
    )  # fmt: skip
    made.rest.weight_limit = 1_000
    await made.start()
    assert made.rest.weight_limit == 2_400
    assert made.rest.exchange_clock.synchronised
    await made.close()
    await redis.aclose()


@pytest.mark.usefixtures("database")
async def test_rules_come_from_the_stored_contracts(gateways):
    await Instrument.objects.acreate(
        venue="simulator", symbol="BTCUSDT", base="BTC", quote="USDT", status="TRADING",
        tick_size="0.1", step_size="0.001", min_notional="5",
    )  # fmt: skip
    rules = await gateways.market.rules("BTCUSDT")
    assert (rules.tick, rules.step) == (Decimal("0.1"), Decimal("0.001"))
    assert await gateways.market.rules("NOSUCHUSDT") is None


def test_costs_are_the_digits_of_the_settings():
    found = costs(AccountsSettings(paper_taker_bps=4.3, paper_latency_ms=7))
    assert (found.taker_bps, found.latency_ms) == (Decimal("4.3"), 7)


@pytest.mark.usefixtures("database")
async def test_rules_are_remembered_while_the_database_is_away(monkeypatch):
    clock = FakeClock()
    rules = KnownRules("simulator", clock)
    await Instrument.objects.acreate(
        venue="simulator", symbol="BTCUSDT", tick_size="0.1", step_size="0.001"
    )
    known = await rules.of("BTCUSDT")
    assert known.tick == Decimal("0.1")

    def away(venue, symbol):
        raise OperationalError("away")

    monkeypatch.setattr(plan_selectors, "symbol_rules", away)
    clock.move(RULES_SECONDS + 1)
    assert await rules.of("BTCUSDT") == known
    with pytest.raises(OperationalError):
        await rules.of("ETHUSDT")
