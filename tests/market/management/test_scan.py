import pytest
from django.core.management import CommandError, call_command

from market import signal_services
from market.config import MarketSettings, ScanSettings
from market.indicators import EliteTechnicalEngine
from market.models import Scan
from market.scanning import Scanner
from tests.market import scanned
from tests.market.scanned import NOW, VENUE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def scanner(monkeypatch):
    symbols = scanned.names(12)
    scanned.follow(symbols)
    scanned.store(symbols[:11])
    work = Scanner(
        VENUE,
        market=MarketSettings(intervals=("15m",)),
        scan=ScanSettings(bars=120),
        engine=EliteTechnicalEngine(use_talib=False),
        exchange_now=lambda venue: NOW + 20_000,
    )
    monkeypatch.setattr(signal_services, "scanner_alive", lambda venue: True)
    monkeypatch.setattr(signal_services, "_wake", lambda venue: work.look())


def run(capsys, **options):
    call_command("scan", **options)
    return capsys.readouterr().out


def test_a_scan_is_shown_with_its_counts_and_why_some_failed(scanner, capsys):
    text = run(capsys, min_score=0)
    assert "12 asked, 11 scanned, 1 failed" in text
    assert "S011USDT: no bars are stored" in text
    assert text.count("score") == text.count("confidence") > 5
    assert Scan.objects.get().trigger == "command"


def test_a_test_looks_at_ten_symbols_once(scanner, capsys):
    assert "10 asked, 10 scanned" in run(capsys, test=True)
    assert Scan.objects.count() == 1


def test_again_and_again_until_it_is_stopped(scanner, capsys, monkeypatch):
    waits = []

    def wait(seconds):
        if seconds > 1:  # else it looks whether the scan is done
            waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("market.management.commands.scan.time.sleep", wait)
    run(capsys, interval=300)
    assert waits == [300, 300, 300]
    assert [row.trigger for row in Scan.objects.all()] == ["timer"] * 3


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"min_score": 101}, "min-score 101"),
        ({"interval": 0.2}, "from 1 to 86,400 seconds"),
        ({"interval": float("nan")}, "from 1 to 86,400 seconds"),
        ({"interval": float("inf")}, "from 1 to 86,400 seconds"),
        ({"bars": "7m"}, "interval: '7m'"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(scanner, options, text):
    with pytest.raises(CommandError, match=text):
        call_command("scan", **options)


def test_without_a_scanner_it_says_how_to_start_one():
    scanned.follow(scanned.names(1))
    with pytest.raises(CommandError, match="no scanner is running"):
        call_command("scan")
