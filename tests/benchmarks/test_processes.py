"""What is read of a measured process."""

import sys

from benchmarks.processes import Process, running


def test_the_cpu_time_of_a_short_run_is_told_finer_than_ticks_of_ten_ms(tmp_path):
    command = [sys.executable, "-c", "input()"]
    child = Process(command, environment={}, log=tmp_path / "log", pipes=True)
    with running(child):
        spent = child.cpu_seconds()
        assert 0 < spent < 5
        assert spent * 100 != int(spent * 100)
