import csv
import io

import pytest

from core.access import Role, Scope
from market import signal_services
from market.config import MarketSettings, ScanSettings
from market.indicators import EliteTechnicalEngine
from market.models import Scan, Signal
from market.scanning import Scanner
from tests.market import scanned
from tests.market.scanned import NOW, STEP, VENUE
from tests.market.test_api import bearer, browser

BASE = "/api/v1/market"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def viewer():
    return browser(Role.VIEWER)


@pytest.fixture
def trader(monkeypatch):
    return bearer(Role.TRADER, Scope.TRADE)


@pytest.fixture
def followed():
    symbols = scanned.names(4)
    scanned.follow(symbols)
    scanned.store(symbols)
    return symbols


@pytest.fixture
def scanner(monkeypatch, followed):
    """Scans as soon as it is asked, in place of a process."""
    work = Scanner(
        VENUE,
        market=MarketSettings(intervals=("15m",)),
        scan=ScanSettings(bars=120),
        engine=EliteTechnicalEngine(use_talib=False),
        exchange_now=lambda venue: NOW + 20_000,
    )
    monkeypatch.setattr(signal_services, "scanner_alive", lambda venue: True)
    monkeypatch.setattr(signal_services, "_wake", lambda venue: work.look())
    return work


def post(client, path, body=None):
    return client.post(f"{BASE}{path}", body or {}, content_type="application/json")


def test_a_scan_is_asked_for_and_answered_with_everything_it_found(trader, scanner):
    answer = post(trader, "/scan", {"min_score": 0}).json()
    assert answer["state"] == "done"
    assert (answer["total_symbols"], answer["scanned"], answer["failed"]) == (4, 4, {})
    assert {"elapsed_seconds", "signals", "prime_signals"} <= answer.keys()
    assert len(answer["signals"]) == answer["signals_found"] > 0
    assert trader.get(f"{BASE}/scans/{answer['scan']}").json() == answer


def test_a_scan_of_a_few_names_looks_at_those_only(trader, scanner, followed):
    wish = {"symbols": [followed[1].lower(), followed[1]], "min_score": 0}
    assert post(trader, "/scan", wish).json()["total_symbols"] == 1
    assert post(trader, "/scan", {"limit": 2}).json()["total_symbols"] == 2


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"interval": "7m"}, "interval"),
        ({"symbols": ["NOPEUSDT"]}, "symbols"),
        ({"min_score": 101}, "min_score"),
        ({"limit": 0}, "limit"),
        ({"symbol": "BTCUSDT"}, "symbol"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_by_name(trader, scanner, wish, field):
    answer = post(trader, "/scan", wish)
    assert answer.status_code == 422
    assert field in str(answer.json())
    assert not Scan.objects.exists()


def test_without_a_scanner_the_answer_says_how_to_start_one(trader, followed):
    answer = post(trader, "/scan")
    assert answer.status_code == 503
    assert "no scanner is running" in answer.json()["message"]


def test_who_may_only_look_may_not_ask_for_a_scan(viewer, scanner):
    assert post(viewer, "/scan").status_code == 403


def test_a_scan_that_has_ended_cannot_be_cancelled(trader, scanner):
    number = post(trader, "/scan").json()["scan"]
    answer = post(trader, f"/scans/{number}/cancel").json()
    assert (answer["cancelled"], answer["state"]) == (False, "done")
    assert post(trader, "/scans/999/cancel").status_code == 404


def test_signals_come_newest_first_page_by_page_and_filtered(viewer, trader, scanner):
    post(trader, "/scan", {"min_score": 0})
    every = viewer.get(f"{BASE}/signals").json()["signals"]
    assert [row["id"] for row in every] == sorted(
        (row["id"] for row in every), reverse=True
    )
    first = viewer.get(f"{BASE}/signals?limit=2").json()
    rest = viewer.get(f"{BASE}/signals?after={first['next_after']}").json()
    assert first["signals"] + rest["signals"] == every
    assert rest["next_after"] is None
    one = every[0]
    for query in (
        f"symbol={one['symbol'].lower()}",
        f"direction={one['direction']}",
        f"min_score={one['score']}",
        f"since={one['at']}",
    ):
        found = viewer.get(f"{BASE}/signals?{query}").json()["signals"]
        assert one in found
        assert len(found) <= len(every)
    assert viewer.get(f"{BASE}/signals?until={one['at'] - 1}").json()["signals"] == []
    assert viewer.get(f"{BASE}/signals?since=9&until=5").status_code == 422


def test_one_signal_tells_why(viewer, trader, scanner):
    post(trader, "/scan", {"min_score": 0})
    row = Signal.objects.first()
    answer = viewer.get(f"{BASE}/signals/{row.id}").json()
    assert {part["name"] for part in answer["factors"]} >= {"trend", "momentum"}
    assert all(part["explanation"] for part in answer["factors"])
    assert answer["inputs"]["bars"] == 120
    assert answer["inputs"]["bars_from"] == NOW - 120 * STEP
    assert viewer.get(f"{BASE}/signals/99999").status_code == 404


def test_signals_are_a_file_on_request(viewer, trader, scanner):
    post(trader, "/scan", {"min_score": 0})
    answer = viewer.get(f"{BASE}/signals?format=csv")
    text = b"".join(answer.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == Signal.objects.count()
    assert rows[0]["symbol"] == Signal.objects.first().symbol
    assert rows[0]["net_return_4"] == ""


def test_a_stored_score_is_the_same_when_it_is_computed_again(viewer, trader, scanner):
    post(trader, "/scan", {"min_score": 0})
    for row in Signal.objects.all():
        answer = viewer.get(f"{BASE}/signals/{row.id}/check").json()
        assert answer["same"]
        assert answer["difference"] < 1e-9
        assert not answer["bars_changed"]


def test_calibration_and_records_of_a_horizon_that_is_not_counted_are_refused(viewer):
    for path in ("calibration", "factor-records"):
        answer = viewer.get(f"{BASE}/{path}?horizon=5")
        assert answer.status_code == 422
        assert "horizon" in answer.json()["message"]
        assert viewer.get(f"{BASE}/{path}").status_code == 200


def test_an_interval_that_there_is_not_is_refused_by_name(viewer):
    for path in ("signals", "calibration", "factor-records"):
        answer = viewer.get(f"{BASE}/{path}?interval=7m")
        assert answer.status_code == 422
        assert answer.json()["details"][0]["field"] == "interval"


def test_a_symbol_of_any_letters_is_looked_for(viewer):
    for symbol in ("%F0%9F%A6%86", "%E5%B8%81", "a" * 500):
        answer = viewer.get(f"{BASE}/signals?symbol={symbol}")
        assert answer.json()["signals"] == []
    # PostgreSQL takes no NUL.
    assert viewer.get(f"{BASE}/signals?symbol=%00").status_code in (200, 422)
