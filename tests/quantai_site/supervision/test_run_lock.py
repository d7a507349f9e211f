import os

import pytest

from quantai_site.config_sources import held
from quantai_site.supervision.run_lock import AlreadyRunningError, RunLock


def test_the_second_is_refused_with_the_pid_of_the_first(tmp_path):
    path = tmp_path / "var" / "run" / "lock"
    first = RunLock(path)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match=rf"pid {os.getpid()}$"):
        RunLock(path).acquire()
    assert held(path)
    first.release()
    assert not held(path)
    RunLock(path).acquire()


def test_a_folder_without_lock_is_not_held(tmp_path):
    assert not held(tmp_path / "lock")


def test_the_lock_lasts_until_its_last_holder_is_gone(tmp_path):
    lock = RunLock(tmp_path / "lock")
    copy = os.dup(lock.acquire())
    lock.release()
    assert held(tmp_path / "lock")
    os.close(copy)
    assert not held(tmp_path / "lock")
