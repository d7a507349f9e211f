import pytest

from market import signal_selectors, signal_services
from market.config import MarketSettings, ScanSettings
from market.indicators import EliteTechnicalEngine
from market.models import Calibration, Candle, Instrument, Scan, ScoreWeights, Signal
from market.scanner.calibration import bin_of
from market.scanning import Scanner
from tests.market import scanned
from tests.market.scanned import NOW, STEP, VENUE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


class Clock:
    now = NOW - 1

    def __call__(self, venue):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scanner(clock):
    def make(**options):
        return Scanner(
            VENUE,
            market=MarketSettings(intervals=("15m",)),
            scan=ScanSettings(bars=120, store_score=0.0),
            engine=EliteTechnicalEngine(use_talib=False),
            exchange_now=clock,
            **options,
        )

    return make


@pytest.fixture
def living(monkeypatch):
    """A scanner is there to be asked."""
    monkeypatch.setattr(signal_services, "scanner_alive", lambda venue: True)
    monkeypatch.setattr(signal_services, "_wake", lambda venue: None)


def ask(**options):
    return signal_services.scan_request(
        venue=VENUE, trigger="person", actor="alice", **options
    )


def scans():
    return list(Scan.objects.order_by("id"))


def test_of_140_symbols_with_three_bad_ones_137_are_scanned_and_three_say_why(
    scanner, clock, living
):
    symbols = scanned.names(140)
    gap, broken, gone, *rest = symbols
    scanned.follow(symbols)
    scanned.store([broken, *rest])
    scanned.store([gap], leave_out=(20,))
    Candle.objects.filter(series__symbol=broken, open_time=NOW - 5 * STEP).update(
        high=0.5
    )
    row = ask(symbols=symbols)
    Instrument.objects.filter(symbol=gone).update(rank=None)
    clock.now = NOW + 20_000
    scanner().look()
    row.refresh_from_db()
    answer = signal_selectors.scan_answer(row)
    assert (answer["total_symbols"], answer["scanned"]) == (140, 137)
    assert set(answer["failed"]) == {gap, broken, gone}
    assert "19 bars since the last gap" in answer["failed"][gap]
    assert "high" in answer["failed"][broken]
    assert "not followed" in answer["failed"][gone]
    assert answer["state"] == "done"
    assert 0 < len(answer["signals"]) <= 137
    assert [s for s in answer["signals"] if s["prime"]] == answer["prime_signals"]
    scores = [signal["score"] for signal in answer["signals"]]
    assert scores == sorted(scores, reverse=True)


def test_a_close_is_scanned_when_its_last_bar_is_stored(scanner, clock):
    symbols = scanned.names(3)
    scanned.follow(symbols)
    scanned.store(symbols, until=NOW - STEP)
    work = scanner()
    work.look()
    assert scans() == []
    clock.now = NOW + 1_000
    scanned.store(symbols[:2])
    work.look()
    assert scans() == []
    scanned.store(symbols[2:])
    work.look()
    (row,) = scans()
    assert (row.trigger, row.boundary, row.state) == ("close", NOW, "done")
    assert (row.scanned, row.failed) == (3, {})
    work.look()
    assert len(scans()) == 1


def test_a_bar_that_does_not_come_is_waited_for_five_seconds_and_then_named(
    scanner, clock
):
    symbols = scanned.names(3)
    scanned.follow(symbols)
    scanned.store(symbols[:2])
    scanned.store(symbols[2:], until=NOW - STEP)
    work = scanner()
    clock.now = NOW + 4_999
    work.look()
    assert scans() == []
    clock.now = NOW + 5_000
    work.look()
    (row,) = scans()
    assert row.failed == {symbols[2]: "the last bar is missing (1 behind)"}


def test_asked_just_after_a_close_the_bars_that_are_there_are_looked_at(
    scanner, clock, living
):
    symbols = scanned.names(2)
    scanned.follow(symbols)
    scanned.store(symbols, until=NOW - STEP)
    ask()
    work = scanner()
    clock.now = NOW + 800
    work.look()
    row = scans()[0]
    assert (row.state, row.scanned) == ("done", 2)
    assert {s.bar_open for s in Signal.objects.all()} == {NOW - 2 * STEP}


def test_what_closed_before_the_start_is_scanned_once_when_all_of_it_is_stored(
    scanner, clock
):
    symbols = scanned.names(3)
    scanned.follow(symbols)
    scanned.store(symbols[:2], until=NOW - STEP)
    clock.now = NOW - 10_000
    work = scanner(catch_up=True)
    work.look()
    assert scans() == []
    scanned.store(symbols[2:], until=NOW - STEP)
    work.look()
    assert scans() == []  # the database is not asked at every look
    clock.now += 2_000
    work.look()
    clock.now += 2_000
    work.look()
    (row,) = scans()
    assert (row.trigger, row.boundary, row.state) == ("start", NOW - STEP, "done")
    assert (row.scanned, row.failed) == (3, {})
    assert {s.bar_open for s in Signal.objects.all()} == {NOW - 2 * STEP}
    scanner(catch_up=True).look()
    assert scans() == [row]


def test_a_close_ends_the_wait_for_what_closed_before_the_start(scanner, clock):
    symbols = scanned.names(2)
    scanned.follow(symbols)
    scanned.store(symbols[:1], until=NOW - STEP)
    work = scanner(catch_up=True)
    work.look()
    clock.now = NOW + 5_000
    work.look()
    scanned.store(symbols)
    work.look()
    assert [row.trigger for row in scans()] == ["close"]


def test_settling_follows_each_scan_at_a_close_only(scanner, clock, living):
    symbols = scanned.names(1)
    scanned.follow(symbols)
    scanned.store(symbols)
    settled = []
    work = scanner(settle=settled.append)
    ask()
    work.look()
    assert settled == []
    clock.now = NOW + 1
    work.look()
    assert settled == [VENUE]


def test_a_cancelled_scan_stops_and_stores_nothing(scanner, living, monkeypatch):
    symbols = scanned.names(40)
    scanned.follow(symbols)
    scanned.store(symbols)
    row = ask()
    tell = signal_services.scan_progress

    def cancel_meanwhile(*, scan, done):
        signal_services.scan_cancel(scan_id=scan.id, venue=VENUE)
        return tell(scan=scan, done=done)

    monkeypatch.setattr(signal_services, "scan_progress", cancel_meanwhile)
    scanner().look()
    row.refresh_from_db()
    assert (row.state, row.done) == ("cancelled", 20)
    assert not Signal.objects.exists()
    assert not signal_services.scan_cancel(scan_id=row.id, venue=VENUE)


def test_a_scan_that_is_cancelled_before_it_begins_never_begins(scanner, living):
    scanned.follow(scanned.names(1))
    row = ask()
    assert signal_services.scan_cancel(scan_id=row.id, venue=VENUE)
    scanner().look()
    row.refresh_from_db()
    assert row.state == "cancelled"


def test_what_a_scanner_left_running_is_ended_by_the_next(living):
    scanned.follow(scanned.names(1))
    row = ask()
    signal_services.scan_begin(scan=row, now_ms=1)
    assert signal_services.scans_abandoned(venue=VENUE) == 1
    row.refresh_from_db()
    assert (row.state, row.note) == ("failed", "the scanner ended while it ran")


def test_a_scan_is_begun_once(living):
    scanned.follow(scanned.names(1))
    row = ask()
    again = Scan.objects.get(id=row.id)
    assert signal_services.scan_begin(scan=row, now_ms=1)
    assert not signal_services.scan_begin(scan=again, now_ms=1)


def test_without_a_scanner_a_request_ends_at_once_and_says_so():
    scanned.follow(scanned.names(1))
    row = ask()
    assert row.state == "failed"
    assert "no scanner is running" in row.note


def test_bars_are_read_once_and_then_only_what_is_new(scanner, clock, living):
    symbols = scanned.names(5)
    scanned.follow(symbols)
    scanned.store(symbols)
    work = scanner()
    ask()
    work.look()
    first = Signal.objects.order_by("id").last()
    scanned.store(symbols, 121, until=NOW + STEP)
    clock.now = NOW + STEP + 1
    work.look()
    newest = Signal.objects.order_by("id").last()
    assert newest.bar_open == first.bar_open + STEP
    assert newest.inputs["bars"] == 120


def test_the_weights_of_the_venue_count(scanner, living):
    symbols = scanned.names(1)
    scanned.follow(symbols)
    scanned.store(symbols)
    ScoreWeights.objects.create(
        venue=VENUE, trend=1, momentum=0, volatility=0, structure=0, flow=0,
        imbalance=0, carry=0, forecast=0,
    )  # fmt: skip
    ask()
    scanner().look()
    signal = Signal.objects.get()
    parts = {part["name"]: part for part in signal.factors}
    assert parts["trend"]["weight"] == 1
    assert parts["flow"]["weight"] == 0
    expected = min(1.0, abs(parts["trend"]["value"]) / 0.6) * 100
    assert signal.score == pytest.approx(expected)


def test_below_two_hundred_outcomes_nobody_knows_the_probability():
    row = Calibration.objects.create(
        venue=VENUE, source="live", interval="15m", horizon=4, score_from=70,
        score_to=80, outcomes=150, wins=90, mean_return=0.0,
    )  # fmt: skip

    def probability(score):
        found = signal_selectors.win_probabilities(venue=VENUE, interval="15m")
        return found.get(bin_of(score))

    assert probability(75.0) is None
    Calibration.objects.create(
        venue=VENUE, source="backtest", interval="15m", horizon=4, score_from=70,
        score_to=80, outcomes=50, wins=30, mean_return=0.0,
    )  # fmt: skip
    assert probability(75.0) == 0.6
    assert probability(85.0) is None
    row.score_from, row.score_to, row.outcomes = 90, 100, 400
    row.save()
    assert probability(100.0) == 90 / 400
    assert probability(75.0) is None


def test_old_scans_go_with_their_signals(scanner, living):
    symbols = scanned.names(1)
    scanned.follow(symbols)
    scanned.store(symbols)
    row = ask()
    scanner().look()
    assert Signal.objects.exists()
    signal_services.scans_prune(venue=VENUE, before_ms=row.requested_at + 1)
    assert not Scan.objects.exists()
    assert not Signal.objects.exists()
