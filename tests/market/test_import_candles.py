"""The command: files of all kinds into the database, and back-fill over REST."""

import itertools
import re
import time
import zipfile
from io import StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections

from core import redis as core_redis
from core.clock import SystemClock
from market import history_store, services
from market.binance.rest import BinanceRestClient, RestUnavailable
from market.binance.urls import endpoints
from market.domain.candles import INTERVAL_MS, bar_open
from market.domain.state import MarketState
from market.history_import import hole_after
from market.models import Candle, Gap, Instrument, Series
from market.publisher import Publisher
from market.upkeep import Upkeep
from tests.market.history.bars import HOUR, START, bar, dump, moment, series, table
from tests.payloads import TRAINING, needs_training

NAME = "BTCUSDT-1h-2023-11.csv"


class Terminal(StringIO):
    def isatty(self):
        return True


def run(*arguments, err=None):
    out, err = StringIO(), err or StringIO()
    call_command("import_candles", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused(*arguments):
    err = StringIO()
    with pytest.raises(CommandError) as caught:
        run(*arguments, err=err)
    return str(caught.value), err.getvalue()


def counts():
    return {
        (s.venue, s.symbol, s.interval): Candle.objects.filter(series=s).count()
        for s in Series.objects.all()
    }


def csv_file(path, bars, mixed=False):
    """A table with names, newest first, with dates in several forms."""
    forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I-%p", "%d.%m.%Y %H:%M"][
        : 3 if mixed else 1
    ]
    rows = [
        [moment(b).strftime(forms[n % len(forms)]), "BTC/USD", b["open"], b["high"],
         b["low"], b["close"], f"{b['volume']:,.1f}"]
        for n, b in enumerate(bars)
    ]  # fmt: skip
    header = ["Date", "Symbol", "Open", "High", "Low", "Close", "Volume"]
    path.write_text(table([header, *rows[::-1]]))
    return path


@pytest.fixture
def dump_file(tmp_path):
    path = tmp_path / NAME
    path.write_text(dump(series(50)))
    return path


# -- files ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_dump_is_imported_under_the_name_of_its_file_for_the_own_venue(dump_file):
    out, err = run(dump_file)
    assert counts() == {("simulator", "BTCUSDT", "1h"): 50}
    assert f"{NAME}: BTCUSDT 1h on simulator, 50 bars, 2023-11-15 00:00 – " in out
    assert "50 new, 0 stored already, 0 different kept as stored" in out
    assert re.search(rf"{NAME} 50/50 bars, [\d,]+/s", err)
    row = Candle.objects.get(open_time=START + 3 * HOUR)
    assert (row.open, row.volume, row.trades) == (103.0, 13.0, 23)


@pytest.mark.django_db
def test_a_second_run_changes_nothing_and_says_so(dump_file):
    run(dump_file)
    before = list(Candle.objects.values())
    out, _ = run(dump_file)
    assert "0 new, 50 stored already, 0 different" in out
    assert "nothing changed" in out
    assert list(Candle.objects.values()) == before


@pytest.mark.django_db
def test_csv_zip_and_parquet_of_the_same_bars_are_the_same(tmp_path, dump_file):
    bars = series(50)
    packed = tmp_path / "BTCUSDT-1h-2023-11.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(NAME, dump(bars, header=False, times=1000))
    columns = {name: [b[name] for b in bars] for name in bars[0]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    mixed = csv_file(tmp_path / "mixed.csv", bars, mixed=True)
    run(dump_file)
    for path in (packed, tmp_path / "x.parquet", mixed):
        out, _ = run(path, "--symbol", "btcusdt", "--interval", "1h")
        assert "0 new, 50 stored already, 0 different" in out
    assert "the file begins with the newest bar: turned" in out
    assert "not in the file, stored as 0: quote_volume, trades" in out


@pytest.mark.django_db
def test_another_venue_keeps_its_own_bars(dump_file):
    run(dump_file, "--venue", "bitstamp")
    run(dump_file)
    assert counts() == {
        ("bitstamp", "BTCUSDT", "1h"): 50,
        ("simulator", "BTCUSDT", "1h"): 50,
    }


@pytest.mark.django_db
def test_different_bars_are_kept_shown_and_replaced_on_request(tmp_path, dump_file):
    run(dump_file)
    changed = series(50)
    changed[7]["close"] = 104.0
    dump_file.write_text(dump(changed))
    out, _ = run(dump_file)
    assert "0 new, 49 stored already, 1 different kept as stored" in out
    assert "2023-11-15 07:00: close 101.5 stored, 104.0 in the file" in out
    assert "nothing changed" in out
    out, _ = run(dump_file, "--replace")
    assert "1 different replaced" in out
    assert "nothing changed" not in out
    assert Candle.objects.get(open_time=START + 7 * HOUR).close == 104.0


@pytest.mark.django_db
def test_a_bad_file_stores_nothing_and_the_others_are_imported(tmp_path, dump_file):
    bad = tmp_path / "ETHUSDT-1h-2023-11.csv"
    bad.write_text(dump([*series(30), bar(30, close="nan"), bar(31, high=1.0)]))
    error, shown = refused(bad, dump_file, tmp_path / "absent.csv")
    assert error == "2 of 3 files not imported: ETHUSDT-1h-2023-11.csv, absent.csv"
    assert "ETHUSDT-1h-2023-11.csv: line 32: close = nan: must not be NaN" in shown
    assert "line 33: high = 1.0: high must be the largest price" in shown
    assert "refused: 2 broken rules, nothing stored" in shown
    assert "No such file" in shown
    assert counts() == {("simulator", "BTCUSDT", "1h"): 50}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("some.csv", (), "say --symbol and --interval"),
        ("some.csv", ("--symbol", "BTCUSDT"), "say --interval"),
        (NAME, ("--interval", "15m"), "mostly 1h apart, not 15m"),
        (NAME, ("--symbol", "BTC/USD"), "letters, digits and _ only"),
        ("BTCUSDT-1mo-2023-11.csv", (), "interval '1mo'"),
    ],
)
def test_a_series_without_a_name_or_with_another_interval_is_refused(
    tmp_path, name, options, text
):
    path = tmp_path / name
    path.write_text(dump(series(9)))
    _, shown = refused(path, *options)
    assert text in shown
    assert Candle.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x.csv", "--backfill", "BTCUSDT", "1h", "3"),
        ("--backfill", "BTCUSDT", "7m", "3"),
        ("--backfill", "BTC/USDT", "1h", "3"),
        ("--backfill", "BTCUSDT", "1h", "0"),
        ("--backfill", "BTCUSDT", "1h", "many"),
        ("x.csv", "--venue", "Not One!"),
    ],
)
def test_nonsense_on_the_command_line_is_refused(arguments):
    with pytest.raises(CommandError):
        run(*arguments)


@pytest.mark.django_db
def test_missing_bars_of_a_file_are_listed_and_refuse_nothing(tmp_path):
    path = tmp_path / NAME
    path.write_text(dump([b for n, b in enumerate(series(50)) if n not in (5, 6, 20)]))
    out, _ = run(path)
    assert "missing in the file: 3 bars in 2 ranges" in out
    assert "2023-11-15 05:00 – 2023-11-15 06:00 (2)" in out
    assert counts() == {("simulator", "BTCUSDT", "1h"): 47}


@pytest.mark.django_db
def test_an_import_that_is_stopped_says_how_far_it_came_and_goes_on(
    dump_file, monkeypatch
):
    monkeypatch.setattr(history_store, "BATCH", 20)
    store_rows = services.CandleStore.store_rows

    def stopped(self, pair, rows):
        if Candle.objects.count() >= 40:
            raise KeyboardInterrupt
        return store_rows(self, pair, rows)

    monkeypatch.setattr(services.CandleStore, "store_rows", stopped)
    out = StringIO()
    with pytest.raises(CommandError, match="the same command goes on") as caught:
        call_command("import_candles", str(dump_file), stdout=out, stderr=StringIO())
    assert caught.value.returncode == 130
    assert "40 new, 0 stored already" in out.getvalue()
    monkeypatch.undo()
    out, _ = run(dump_file)
    assert "10 new, 40 stored already" in out


@pytest.mark.django_db
def test_a_database_that_refuses_is_an_error(dump_file, monkeypatch):
    def full(self, pair, rows):
        raise DatabaseError("disk full")

    monkeypatch.setattr(services.CandleStore, "store_rows", full)
    with pytest.raises(CommandError, match="cannot be stored: disk full"):
        run(dump_file)


@pytest.mark.django_db
def test_a_terminal_sees_a_bar(dump_file):
    _, err = run(dump_file, err=Terminal())
    assert f"{NAME} [{'#' * 30}] 50/50 bars" in err


@pytest.mark.django_db
@needs_training
def test_the_real_hourly_files_are_imported_completely_and_a_second_time_not():
    for name, venue, count in (
        ("BTC_USD-Hourly_bitstamp.csv", "bitstamp", 33_259),
        ("Coinbase_BTCUSD_1h.csv", "coinbase", 20_111),
    ):
        options = ("--symbol", "BTCUSD", "--interval", "1h", "--venue", venue)
        out, _ = run(TRAINING / name, *options)
        assert f"{count:,} new, 0 stored already" in out
        assert counts()[venue, "BTCUSD", "1h"] == count
        out, _ = run(TRAINING / name, *options)
        assert f"0 new, {count:,} stored already, 0 different" in out
        assert "nothing changed" in out


@pytest.mark.django_db
@needs_training
def test_volumes_in_each_others_column_are_exchanged_on_request():
    path = TRAINING / "BTC_USD-Hourly_bitstamp.csv"
    out, _ = run(path, "--symbol", "BTCUSD", "--interval", "1h", "--swap-volumes")
    assert "volume and quote_volume exchanged in 20,143 bars" in out
    assert Candle.objects.order_by("open_time")[0].volume == 559.93


# -- beside what the feed keeps -----------------------------------------------------


@pytest.mark.django_db
def test_a_hole_before_what_is_stored_is_told_with_the_command_that_closes_it(
    dump_file,
):
    later = bar(200)
    services.CandleStore("simulator").store_rows(
        ("BTCUSDT", "1h"), [(later["open_time"], 2.0, 3.0, 1.0, 2.0, 1.0, 2.0, 1, 0.0, 0.0)]
    )  # fmt: skip
    out, _ = run(dump_file)
    assert "BTCUSDT 1h: 150 bars from 2023-11-17 02:00 to 2023-11-23 07:00" in out
    found = re.search(r"--venue simulator --backfill BTCUSDT 1h (\d+)", out)
    assert int(found[1]) > 1000  # back to November 2023


@pytest.mark.django_db
def test_a_hole_up_to_now_is_told_only_where_the_feed_follows_the_symbol(dump_file):
    pair, last = ("BTCUSDT", "1h"), START + 49 * HOUR
    now = START + 60 * HOUR + 1
    run(dump_file)
    assert hole_after(venue="simulator", pair=pair, last=last, now_ms=now) is None
    follow("BTCUSDT")
    hole = hole_after(venue="simulator", pair=pair, last=last, now_ms=now)
    assert (hole.first, hole.last, hole.bars) == (
        last + HOUR, START + 59 * HOUR, 10
    )  # fmt: skip
    assert (
        hole_after(venue="simulator", pair=pair, last=last, now_ms=last + HOUR) is None
    )


def follow(symbol):
    """The feed follows this symbol."""
    Instrument.objects.create(venue="simulator", symbol=symbol, rank=1)


# -- back-fill ----------------------------------------------------------------------


@pytest.fixture
def exchange(database, bus, market):
    """The command's settings point at a simulator."""
    return market


async def fill(*arguments, err=None):
    """The command runs its own loop, so it gets a thread of its own."""

    def call():
        try:
            return run("--backfill", *arguments, err=err)
        finally:
            connections.close_all()

    return await sync_to_async(call, thread_sensitive=False)()


async def open_times():
    def read():
        rows = Candle.objects.order_by("open_time").values_list("open_time", flat=True)
        return list(rows)

    return await sync_to_async(read)()


def asked(monkeypatch, error=None, after=10**9):
    """The requests for bars; from the ``after``-th on they raise ``error``."""
    klines, seen = BinanceRestClient.klines, []

    async def noted(self, symbol, interval, *, limit, start):
        if len(seen) >= after:
            raise error
        seen.append((start, limit))
        return await klines(self, symbol, interval, limit=limit, start=start)

    monkeypatch.setattr(BinanceRestClient, "klines", noted)
    return seen


async def test_the_last_days_are_fetched_counted_and_paid_from_the_budget(
    exchange, bus
):
    out, err = await fill("btcusdt", "15m", "20")
    times = await open_times()
    step = INTERVAL_MS["15m"]
    assert times == list(range(times[0], times[-1] + 1, step))
    assert len(times) in (1919, 1920)
    assert f"BTCUSDT 15m on simulator: {len(times):,} of {len(times):,} missing" in out
    assert re.search(r"BTCUSDT 15m 1,000/1,9\d\d bars, [\d,]+/s, \d+ s left", err)
    # A page of 1000 weighs 5.
    assert int(bus.hget(core_redis.key("address", "simulator", "weight"), "used")) >= 10


async def test_a_second_back_fill_asks_for_nothing(exchange, monkeypatch):
    await fill("BTCUSDT", "1h", "10")
    seen = asked(monkeypatch)
    out, _ = await fill("BTCUSDT", "1h", "10")
    # One bar when an hour ended in between.
    assert sum(limit for _, limit in seen) <= 1
    assert seen or "BTCUSDT 1h on simulator: nothing is missing" in out


async def test_ctrl_c_leaves_what_is_stored_and_the_named_command_goes_on(
    exchange, monkeypatch
):
    asked(monkeypatch, KeyboardInterrupt(), after=1)
    with pytest.raises(CommandError) as caught:
        await fill("BTCUSDT", "15m", "20")
    assert caught.value.returncode == 130
    again = "import_candles --venue simulator --backfill BTCUSDT 15m 20"
    assert again in str(caught.value)
    kept = await open_times()
    assert len(kept) == 1000
    monkeypatch.undo()
    seen = asked(monkeypatch)
    out, _ = await fill("BTCUSDT", "15m", "20")
    assert len(await open_times()) in range(1919, 1923)
    assert seen[0][0] == kept[-1] + INTERVAL_MS["15m"]
    assert re.search(r"9\d\d of 9\d\d missing bars stored", out)


async def test_an_exchange_that_fails_is_an_error_that_says_what_is_kept(
    exchange, monkeypatch
):
    monkeypatch.setattr("market.history_backfill.PAUSE_SECONDS", 0)
    monkeypatch.setattr("market.history_backfill.ATTEMPTS", 1)
    asked(monkeypatch, RestUnavailable("/fapi/v1/klines: HTTP 503", 503), after=1)
    with pytest.raises(CommandError, match="HTTP 503") as caught:
        await fill("BTCUSDT", "15m", "20")
    assert caught.value.returncode == 1
    assert "To go on" in str(caught.value)
    assert len(await open_times()) == 1000


async def test_what_the_exchange_does_not_have_is_said_once(exchange, monkeypatch):
    seen = asked(monkeypatch)
    out, _ = await fill("BTCUSDT", "1d", "4000")
    assert out.count("the exchange does not have") == 1
    assert re.search(r"not have: [\d,]+ bars in 1 ranges", out)
    assert "– 2019-12-31 00:00" in out
    assert (await open_times())[0] == 1_577_836_800_000
    assert len(seen) <= 5
    # Again, only what it does not have is asked for, and that is no failure.
    out, _ = await fill("BTCUSDT", "1d", "4000")
    assert "0 of " in out


async def test_a_symbol_that_the_exchange_does_not_know_is_an_error(exchange):
    with pytest.raises(CommandError, match=r"Invalid symbol\W*$"):
        await fill("NOSUCHUSDT", "1h", "3")
    with pytest.raises(CommandError, match="has no bar of BTCUSDT 1w in these 1 days"):
        await fill("BTCUSDT", "1w", "1")


async def test_an_imported_block_is_joined_to_now_by_the_command_it_names(
    exchange, tmp_path
):
    frame = bar_open(time.time_ns() // 1_000_000, "1h") - 100 * HOUR
    old = [bar(n, open_time=frame + n * HOUR) for n in range(20)]
    path = tmp_path / "BTCUSDT-1h-2026-11.csv"
    path.write_text(dump(old))
    await sync_to_async(follow)("BTCUSDT")
    out, _ = await sync_to_async(run)(path)
    words = re.search(r"--backfill (\S+) (\S+) (\d+)", out).groups()
    await fill(*words)
    times = await open_times()
    step = {b - a for a, b in itertools.pairwise(times)}
    assert step == {HOUR}
    assert (await sync_to_async(Gap.objects.count)()) == 0
    kept = await sync_to_async(Candle.objects.get)(open_time=frame + HOUR)
    assert kept.close == 101.5  # what was imported is not fetched over


async def test_history_before_the_feeds_window_opens_no_row_of_the_gap_ledger(
    exchange, tmp_path
):
    now = time.time_ns() // 1_000_000
    first = bar_open(now, "1h") - 300 * HOUR  # the window of this feed is 20 bars
    path = tmp_path / "BTCUSDT-1h-2026-11.csv"
    path.write_text(dump([bar(n, open_time=first + n * HOUR) for n in range(50)]))
    await sync_to_async(run)(path)
    rest = BinanceRestClient(
        endpoints("simulator", exchange.simulator_url), ca_file=exchange.simulator_ca
    )
    state = MarketState()
    upkeep = Upkeep(
        venue="simulator",
        clock=SystemClock(),
        market=exchange,
        rest=rest,
        state=state,
        publisher=Publisher(None, "simulator", "run", state),
        writer=Kept(),
        now_ms=lambda: now,
    )
    await upkeep.learn(["BTCUSDT"])
    await upkeep.fill_bars()
    await rest.aclose()
    assert {c.open_time for c in upkeep._writer.candles if c.interval == "1h"} == {
        bar_open(now, "1h") - n * HOUR for n in range(1, 21)
    }
    assert await sync_to_async(Gap.objects.count)() == 0


class Kept:
    """A writer in memory."""

    def __init__(self):
        self.candles = []

    async def store(self, candles):
        self.candles += candles
        return len(candles)

    def event(self, event):
        pass
