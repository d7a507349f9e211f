"""``manage reproduce_etth1``."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize("name", ["seeds", "epochs", "threads"])
def test_without_a_seed_an_epoch_or_a_thread_nothing_is_run(name, tmp_path):
    file = tmp_path / "ETTh1.csv"
    file.touch()
    with pytest.raises(CommandError, match=f"--{name} 0: must be 1 or more"):
        call_command("reproduce_etth1", str(file), **{name: 0})
