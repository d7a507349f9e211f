import pytest
from django.core.management import CommandError, call_command

from market.models import Calibration, FactorRecord
from tests.market import scanned
from tests.market.scanned import VENUE

pytestmark = pytest.mark.django_db


def run(capsys, **options):
    call_command("backtest_signals", interval="15m", **options)
    return capsys.readouterr().out


def test_results_are_printed_beside_always_long_and_flat_and_scores_are_calibrated(
    capsys,
):
    scanned.store(["BTCUSDT"], 700)
    text = run(capsys)
    assert "unknown in history: imbalance, carry, forecast" in text
    assert "last 30 %" in text
    assert text.count("always long") == text.count("flat ") == 2
    assert "201 bars scored" in text
    rows = Calibration.objects.filter(source="backtest", horizon=4)
    assert sum(row.outcomes for row in rows) == 197
    assert FactorRecord.objects.filter(source="backtest", factor="trend").count() == 3
    assert not FactorRecord.objects.filter(factor="forecast").exists()


def test_names_may_be_separated_loosely(capsys):
    scanned.store(["BTCUSDT"], 600)
    assert "101 bars scored" in run(capsys, symbols=" btcusdt, ,")


def test_running_again_replaces_what_was_there(capsys):
    scanned.store(["BTCUSDT"], 600)
    run(capsys)
    before = Calibration.objects.count()
    run(capsys)
    assert Calibration.objects.count() == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"symbols": "NOPE"}, "has no 15m of it"),
        ({"since": "yesterday"}, "must be a date"),
        ({"since": "2100-01-01"}, "no series has 500 bars"),
        ({"venue": "binance"}, "binance has no 15m bars of any symbol"),
        ({"min_score": 101.0}, "--min-score 101.0: from 0 to 100"),
        ({"min_score": float("nan")}, "--min-score nan: from 0 to 100"),
        ({"fee_bps": -1.0}, "--fee-bps -1.0: must be from 0 to 10,000"),
        ({"fee_bps": float("nan")}, "--fee-bps nan: must be from 0"),
    ],
)
def test_what_cannot_be_done_is_said(capsys, options, text):
    scanned.store(["BTCUSDT"], 520)
    with pytest.raises(CommandError, match=text):
        run(capsys, **options)
    assert not Calibration.objects.filter(venue=VENUE).exists()
