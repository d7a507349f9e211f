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
        ({"venue": "binance"}, "no series has 500 bars"),
    ],
)
def test_what_cannot_be_done_is_said(capsys, options, text):
    scanned.store(["BTCUSDT"], 520)
    with pytest.raises(CommandError, match=text):
        run(capsys, **options)
    assert not Calibration.objects.filter(venue=VENUE).exists()
