"""The preload command against the simulator: what it stores, prints and refuses."""

import re
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connections

from core import redis as core_redis
from market.models import Candle, RequestBudget, Series

pytestmark = pytest.mark.usefixtures("database", "bus", "market")


class Terminal(StringIO):
    def isatty(self):
        return True


async def run(*arguments, err=None):
    """The command runs its own loop, so it gets a thread of its own."""
    out, err = StringIO(), err or StringIO()

    def call():
        try:
            call_command("preload", *arguments, stdout=out, stderr=err)
        finally:
            connections.close_all()

    await sync_to_async(call, thread_sensitive=False)()
    return out.getvalue(), err.getvalue()


@sync_to_async
def stored():
    return {
        (series.symbol, series.interval): Candle.objects.filter(series=series).count()
        for series in Series.objects.all()
    }


async def test_bars_books_and_trades_are_loaded_and_counted(bus):
    out, err = await run("--symbols", "2", "--bars", "30", "--books", "--trades")
    counts = await stored()
    assert len(counts) == 4
    assert set(counts.values()) == {30}
    assert "series: 4 of 4, 120 bars stored" in out
    assert "books: 2 of 2, 80 levels" in out
    assert "trades: 2 of 2, 1,000 trades" in out
    assert "series 4/4" in err
    # Paid from the budget that all processes share, and remembered for a restart.
    assert int(bus.hget(core_redis.key("address", "simulator", "weight"), "used")) >= 50
    assert await sync_to_async(RequestBudget.objects.count)() == 1


async def test_a_second_run_fetches_only_what_is_new():
    await run("--symbols", "1", "--bars", "30")
    out, _ = await run("--symbols", "1", "--bars", "30")
    assert re.search(r"series: 2 of 2, [0-2] bars stored", out)


async def test_chosen_symbols_and_intervals_are_loaded_and_unknown_ones_listed():
    out, _ = await run(
        "--symbols", "btcusdt,NOSUCH", "--intervals", "5m", "--bars", "10"
    )
    assert await stored() == {("BTCUSDT", "5m"): 10}
    assert "series: 1 of 2, 10 bars stored" in out
    assert "failed: NOSUCH: not traded on this exchange" in out


async def test_a_terminal_sees_a_bar():
    _, err = await run("--symbols", "1", "--bars", "10", err=Terminal())
    assert f"\rseries [{'#' * 30}] 2/2\n" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--bars", "0"), "choose 1 to 1499"),
        (("--bars", "many"), "choose 1 to 1499"),
        (("--intervals", "7m"), "unknown interval"),
        (("--symbols", "0"), "greater than or equal to 1"),
    ],
)
async def test_nonsense_is_refused(arguments, text):
    with pytest.raises(CommandError, match=text):
        await run(*arguments)


async def test_an_exchange_that_is_away_is_an_error(settings, unused_tcp_port):
    market = settings.QUANTAI.market.model_copy(
        update={"simulator_url": f"http://127.0.0.1:{unused_tcp_port}"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"market": market})
    with pytest.raises(CommandError, match="/fapi/v1/time"):
        await run()
