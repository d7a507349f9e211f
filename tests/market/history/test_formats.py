"""Files of all kinds: the same bars give the same columns, whatever they look like."""

import gzip
import random
import zipfile
from datetime import timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from market.history import FileProblem, Source, check, read, text_file
from market.history.stamps import YearLast
from tests.market.history.bars import (
    HEADER,
    NOW,
    bar,
    dump,
    moment,
    same,
    series,
    table,
)
from tests.payloads import TRAINING, needs_training


@pytest.fixture
def write(tmp_path):
    def text(content, name="candles.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content.encode(encoding))
        return path

    return text


def checked(path, **options):
    content = read(Source(path, **options))
    found = check(content.bars, content.findings, interval="1h", now_ms=NOW)
    assert found.findings.texts() == []
    return found


# -- dumps ------------------------------------------------------------------------


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("times", [1, 1000])
def test_a_dump_is_read_with_and_without_header_in_ms_and_us(write, header, times):
    bars = series(30)
    content = read(Source(write(dump(bars, header=header, times=times))))
    assert same(content.bars, bars)
    assert content.columns.lacking == ()
    unit = "ms" if times == 1 else "µs"
    assert any(f"{unit} since the epoch" in note for note in content.notes)
    assert content.bars.lines.tolist() == list(range(1 + header, 31 + header))


def test_a_zip_holds_one_dump_and_names_its_series(tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("BTCUSDT-1h-2024-01.csv", dump(series(5)))
        archive.writestr("BTCUSDT-1h-2024-01.csv.CHECKSUM", "0")
    assert Source(path).series() == ("BTCUSDT", "1h")
    assert same(read(Source(path)).bars, series(5))


def test_a_gzip_is_read_too(tmp_path):
    path = tmp_path / "ETHUSDT-15m-2024-01-05.csv.gz"
    path.write_bytes(gzip.compress(dump(series(5)).encode()))
    assert Source(path).series() == ("ETHUSDT", "15m")
    assert same(read(Source(path)).bars, series(5))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTCUSDT-1h-2024-01.csv", ("BTCUSDT", "1h")),
        ("1000PEPEUSDT-15m-2024-01-31.zip", ("1000PEPEUSDT", "15m")),
        ("BTCUSDT_240628-1d-2024-01.csv", ("BTCUSDT_240628", "1d")),
        ("BTCUSDT-1h.csv", None),
        ("btc.csv", None),
        ("BTCUSDT-1h-2024-01.parquet.csv", None),
    ],
)
def test_only_the_name_of_a_dump_tells_the_series(write, name, expected):
    assert Source(write(dump(series(2)), name)).series() == expected


def test_a_broken_first_row_of_a_dump_is_a_row_and_not_a_comment(write):
    text = dump(series(5), header=False).replace("1700006400000", "17000064OOOOO", 1)
    content = read(Source(write(text)))
    (finding,) = content.findings.first
    assert (finding.line, finding.column) == (1, "open_time")
    assert len(content.bars) == 4


def test_headers_in_the_middle_of_joined_dumps_are_left_out_and_said(write):
    text = dump(series(10)[:5]) + dump(series(10)[5:])
    content = read(Source(write(text)))
    assert same(content.bars, series(10))
    assert "1 repeated headers left out" in content.notes


# -- tables with names -------------------------------------------------------------


def test_columns_are_found_by_name_in_any_order_among_others(write):
    bars = series(6)
    rows = [["Close", "note", "Date", "HIGH", "low", "Open Price", "Vol", "Trades"]]
    rows += [
        [b["close"], "x, y", f"{moment(b):%Y-%m-%d %H:%M}", b["high"], b["low"],
         b["open"], b["volume"], b["trades"]]
        for b in bars
    ]  # fmt: skip
    content = read(Source(write(table(rows, delimiter=";", end="\r\n"))))
    assert same(content.bars, bars)
    assert content.columns.lacking == ("quote_volume", "taker_base", "taker_quote")
    assert any("stored as 0: quote_volume" in note for note in content.notes)
    assert next(iter(content.bars.rows()))[6:] == (0.0, 20, 0.0, 0.0)


def test_lines_before_the_table_are_skipped_and_said(write):
    text = "Timestamps are UTC,https://example.org\n# more\n" + dump(series(3))
    content = read(Source(write(text)))
    assert "2 lines before the table are no part of it" in content.notes
    assert content.bars.lines.tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("names", "symbol", "base"),
    [
        (("volume_btc", "volume"), "BTCUSD", 0),
        (("volume", "Volume USD"), "BTCUSD", 0),
        (("Volume USDT", "Volume BTC"), "BTCUSDT", 1),
        (("Volume BTC", "Volume ETH"), "ETHBTC", 1),
        (("volume", "volume_ma"), "BTCUSDT", 0),
        (("volume", "quote_volume"), "BTCUSDT", 0),
    ],
)
def test_the_volume_of_an_asset_is_told_by_the_symbol(write, names, symbol, base):
    rows = [["open_time", "open", "high", "low", "close", *names]]
    rows += [[bar(0)["open_time"], 2, 3, 1, 2, 10, 20]]
    bars = read(Source(write(table(rows)), symbol)).bars
    assert bars.values["volume"].tolist() == [(10.0, 20.0)[base]]
    if "volume_ma" in names:
        assert "quote_volume" not in bars.values
    else:
        assert bars.values["quote_volume"].tolist() == [(20.0, 10.0)[base]]


def test_thousands_may_be_separated_where_that_can_be_read_in_one_way(write):
    rows = [
        list(HEADER[:6]),
        [bar(0)["open_time"], "1,200.5", "1 300", "1'100", 1150, 7],
    ]
    values = read(Source(write(table(rows)))).bars.values
    assert [values[name][0] for name in ("open", "high", "low")] == [1200.5, 1300, 1100]


@pytest.mark.parametrize(
    "text", ["1,200", "1.200,5", "12,5", "1,23,456.0", "1_200", "x"]
)
def test_what_could_be_a_decimal_comma_or_is_no_number_is_refused(write, text):
    delimiter = ";" if text == "1,200" else ","
    rows = [list(HEADER[:6]), [bar(0)["open_time"], text, 1300, 1100, 1150, 7]]
    (finding,) = read(Source(write(table(rows, delimiter)))).findings.first
    assert (finding.line, finding.column, finding.value) == (2, "open", repr(text))
    assert finding.rule == "must be a number"


def test_a_byte_order_mark_and_utf_16_are_understood(write):
    for encoding in ("utf-8-sig", "utf-16"):
        path = write(dump(series(3)), encoding=encoding)
        assert same(read(Source(path)).bars, series(3))


def test_a_row_that_is_too_short_or_too_long_is_found(write):
    lines = dump(series(6)).splitlines()
    lines[2], lines[4] = lines[2].rsplit(",", 3)[0], lines[4] + ",9"
    lines[5] += ",,"
    content = read(Source(write("\n".join(lines))))
    assert [(f.line, f.value) for f in content.findings.first] == [(3, "9"), (5, "13")]
    assert len(content.bars) == 4


def test_two_series_in_one_file_are_refused(write):
    rows = [["symbol", *HEADER[:6]]]
    rows += [["BTC", 1_700_006_400_000, 2, 3, 1, 2, 1]]
    rows += [["ETH", 1_700_010_000_000, 2, 3, 1, 2, 1]]
    (finding,) = read(Source(write(table(rows)))).findings.first
    assert (finding.line, finding.column, finding.value) == (3, "symbol", "'ETH'")


def test_what_is_no_table_of_candles_is_refused_with_a_reason(write, tmp_path):
    binary = tmp_path / "x.csv"
    binary.write_bytes(bytes(range(256)) * 50)
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    short = tmp_path / "short.gz"
    short.write_bytes(gzip.compress(dump(series(300)).encode())[:-50])
    locked = tmp_path / "locked.zip"
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("a.csv", dump(series(9)))
    raw = bytearray(locked.read_bytes())
    raw[6] |= 1  # the flag of a password, in both headers
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(raw)
    torn = tmp_path / "torn.gz"
    packed = bytearray(gzip.compress(dump(series(300)).encode()))
    packed[500:900] = b"\xff" * 400
    torn.write_bytes(packed)
    for path, text in (
        (locked, "cannot be unpacked"),
        (torn, "damaged"),
        (write("date,OT\n2020-01-01,3\n", "ett.csv"), "no column for open, high"),
        (write("", "empty.csv"), "no table found"),
        (write("1,2,3\n4,5,6\n", "numbers.csv"), "no table found"),
        (binary, "neither text nor Parquet"),
        (two, "holds 2 files"),
        (short, "damaged"),
    ):
        with pytest.raises(FileProblem, match=text):
            read(Source(path))


# -- Parquet ------------------------------------------------------------------------


def parquet(path, bars, times, **changes):
    data = {name: [b[name] for b in bars] for name in ("open", "high", "low", "close")}
    data |= {"time": times, "volume": [b["volume"] for b in bars]} | changes
    pq.write_table(pa.table(data), path)
    return path


@pytest.mark.parametrize(
    "unit", ["s", "ms", "us", "ns", "int", "text", "zone", "float"]
)
def test_parquet_times_of_any_type_give_the_same_columns(tmp_path, unit):
    bars = series(9)
    ms = [b["open_time"] for b in bars]
    factor = {"s": 1e-3, "ms": 1, "us": 1000, "ns": 10**6}
    if unit in factor:
        raw = pa.array([int(t * factor[unit]) for t in ms], pa.timestamp(unit))
    elif unit == "zone":
        raw = pa.array(ms, pa.timestamp("ms", tz="Asia/Shanghai"))
    elif unit == "float":
        raw = pa.array([t / 1000 for t in ms], pa.float64())
    else:
        raw = pa.array(ms if unit == "int" else [str(moment(b)) for b in bars])
    found = checked(parquet(tmp_path / "x.parquet", bars, raw))
    assert same(found.bars, bars)
    assert found.bars.lines.tolist() == list(range(1, 10))


def test_parquet_numbers_may_be_decimals_integers_or_text(tmp_path):
    bars = [bar(n, open=100.0, volume=12.0) for n in range(3)]
    path = parquet(
        tmp_path / "x.parquet", bars, [b["open_time"] for b in bars],
        open=pa.array([100, 100, 100], pa.int32()), volume=["12", "12.0", " 12 "],
        high=pa.array([110.5] * 3, pa.float64()).cast(pa.decimal128(10, 4)),
    )  # fmt: skip
    assert same(checked(path).bars, bars)


def test_an_absent_value_in_parquet_is_found_by_row_and_column(tmp_path):
    bars = series(4)
    times = [b["open_time"] for b in bars]
    path = parquet(tmp_path / "x.parquet", bars, times, close=[1.0, None, 1.0, 1.0])
    content = read(Source(path))
    found = check(content.bars, content.findings, interval="1h", now_ms=NOW).findings
    assert (found.place, found.counts["must not be NaN"]) == ("row", 1)
    assert (2, "close", "nan") in {(f.line, f.column, f.value) for f in found.first}
    times[2] = None
    path = parquet(tmp_path / "y.parquet", bars, pa.array(times, pa.timestamp("ms")))
    (finding,) = read(Source(path)).findings.first
    assert (finding.line, finding.column, finding.value) == (3, "time", "None")


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(FileProblem, match="damaged"):
        read(Source(path))


# -- any form -----------------------------------------------------------------------

FORMS = (
    lambda m: f"{m:%Y-%m-%d %H:%M:%S}",
    lambda m: f"{m:%Y-%m-%dT%H:%M:%SZ}",
    lambda m: f"{m:%Y-%m-%d %I-%p}",
    lambda m: f"{m:%Y/%m/%d %H:%M}",
    lambda m: f"{m:%d.%m.%Y %H:%M:%S}",
    lambda m: f"{m:%b %d, %Y %I:%M %p}",
    lambda m: f"{m:%d-%b-%Y %H:%M}",
    lambda m: m.astimezone(timezone(timedelta(hours=-5))).isoformat(),
    lambda m: str(int(m.timestamp())),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    count=st.integers(2, 40),
    seed=st.integers(0, 10**6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    blank=st.booleans(),
    repeats=st.integers(0, 3),
    chunk=st.integers(1, 50),
)
def test_any_order_of_rows_and_columns_and_any_mix_of_dates_gives_the_same_columns(
    write, monkeypatch, count, seed, delimiter, end, blank, repeats, chunk
):
    monkeypatch.setattr(text_file, "CHUNK_ROWS", chunk)
    bars, dice = series(count), random.Random(seed)
    names = ["date", "open", "high", "low", "close", "volume", "trades", "extra"]
    dice.shuffle(names)
    rows = [
        [
            dice.choice(FORMS)(moment(b)) if name == "date" else b.get(name, "?")
            for name in names
        ]
        for b in [*bars, *dice.choices(bars, k=repeats)]
    ]
    dice.shuffle(rows)
    text = table([names, *rows], delimiter, end)
    found = checked(write(text + end * 2 if blank else text))
    assert same(found.bars, bars)
    assert found.repeated == repeats


@given(st.permutations(range(12)))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_dump_in_any_order_gives_the_same_columns(write, order):
    bars = series(12)
    assert same(checked(write(dump([bars[n] for n in order]))).bars, bars)


def test_slashes_with_the_year_last_are_read_as_told_and_else_refused(write):
    rows = [list(HEADER[:6]), ["03/04/2021 10:00", 2, 3, 1, 2, 1]]
    path = write(table(rows))
    (finding,) = read(Source(path)).findings.first
    assert "--dates day-first|month-first" in finding.rule
    days = []
    for told in (YearLast.DAY_FIRST, YearLast.MONTH_FIRST):
        time = read(Source(path, year_last=told)).bars.open_times[0]
        days.append(str(np.datetime64(int(time), "ms")))
    assert days == ["2021-04-03T10:00:00.000", "2021-03-04T10:00:00.000"]


# -- real files ----------------------------------------------------------------------


@needs_training
def test_the_bitstamp_hours_are_read_completely():
    content = read(Source(TRAINING / "BTC_USD-Hourly_bitstamp.csv", "BTCUSD"))
    found = check(content.bars, content.findings, interval="1h", now_ms=2**41)
    assert found.findings.total == 0
    assert (len(found.bars), found.gaps, found.repeated) == (33_259, [], 0)
    first = next(iter(found.bars.rows()))
    assert first[:5] == (1_526_364_000_000, 8733.86, 8796.68, 8707.28, 8740.99)
    # As they are in the file, and said: its early rows have them the wrong way round.
    assert first[5:7] == (4_906_603.14, 559.93)
    assert any("20,143 bars" in note for note in found.notes)


@needs_training
def test_the_coinbase_hours_are_read_completely_though_some_are_out_of_order():
    content = read(Source(TRAINING / "Coinbase_BTCUSD_1h.csv", "BTCUSD"))
    found = check(content.bars, content.findings, interval="1h", now_ms=2**41)
    assert found.findings.total == 0
    assert (len(found.bars), found.gaps) == (20_111, [])
    assert next(iter(found.bars.rows()))[:7] == (
        1_498_906_800_000, 2505.56, 2513.38, 2495.12, 2509.17, 114.6, 287_000.32,
    )  # fmt: skip
    assert "the file begins with the newest bar: turned" in found.notes
    assert any("5 times out of order, first at line 16901" in n for n in found.notes)


@needs_training
def test_a_series_that_is_no_candles_says_so():
    with pytest.raises(FileProblem, match="no column for open, high, low, close"):
        read(Source(TRAINING / "ETTh1.csv", "OT"))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    packed=st.sampled_from(["text", "gzip", "zip", "parquet"]),
    changes=st.lists(
        st.tuples(st.integers(0, 3000), st.binary(max_size=9)), max_size=6
    ),
)
@example(packed="parquet", changes=[(1172, b"\x80")])
@example(packed="zip", changes=[(753, b"\x00\x00@")])
@example(packed="zip", changes=[(788, bytes(8))])
def test_damage_anywhere_is_refused_or_named_and_never_a_crash(
    tmp_path, packed, changes
):
    path = tmp_path / "x"
    if packed == "parquet":
        bars = series(40)
        parquet(path, bars, [b["open_time"] for b in bars])
    elif packed == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", dump(series(40)))
    else:
        text = dump(series(40)).encode()
        path.write_bytes(gzip.compress(text) if packed == "gzip" else text)
    raw = bytearray(path.read_bytes())
    for at, new in changes:
        at = min(at, len(raw))
        raw[at : at + len(new)] = new
    path.write_bytes(raw)
    try:
        content = read(Source(path))
    except (FileProblem, OSError):
        return
    check(content.bars, content.findings, interval="1h", now_ms=NOW)
