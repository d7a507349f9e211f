"""The common yardstick, in its small form."""

from pathlib import Path

import pytest

from core.errors import InvalidInput
from training.engine import etth1

FILE = (
    Path(__file__).resolve().parents[4] / "shared" / "data" / "training" / "ETTh1.csv"
)


@pytest.mark.slow
def test_the_informer_stays_within_its_bound_beside_the_baselines():
    if not FILE.exists():
        pytest.skip("the shared data is not here")
    found = list(etth1.scores(etth1.read(FILE), (24,), seeds=1, epochs=1))
    by_name = {one.model: one for one in found}
    assert by_name["persistence"].mse == pytest.approx(0.0343, abs=5e-5)
    assert by_name["ridge"].mse == pytest.approx(0.0264, abs=5e-5)
    assert by_name["informer"].mse <= 0.0285
    assert {one.windows for one in found} == {2857}


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("time,close\n1,2\n")
    with pytest.raises(InvalidInput, match=r"must be ETTh1\.csv"):
        etth1.read(path)
    path.write_text("date,OT\n2016-07-01 00:00:00,1\n")
    with pytest.raises(InvalidInput, match="14400 are needed"):
        etth1.read(path)
