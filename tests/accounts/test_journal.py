"""The write-ahead journal under crashes, damage and a full disk."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.journal import Journal, JournalDamaged, JournalUnavailable
from core.errors import NameTaken


def numbers(journal, after=0):
    return [number for number, _ in journal.replay(after=after)]


def test_records_come_back_in_order_after_reopening(tmp_path):
    with Journal(tmp_path) as journal:
        assert journal.append({"a": 1}, {"a": 2}) == 2
        assert journal.append({"text": "line\nbreak · ü"}) == 3
    with Journal(tmp_path) as journal:
        assert journal.last == 3
        assert [record for _, record in journal.replay(after=1)] == [
            {"a": 2},
            {"text": "line\nbreak · ü"},
        ]
        assert journal.append({}) == 4


def test_a_second_writer_is_refused_until_the_first_ends(tmp_path):
    with Journal(tmp_path), pytest.raises(NameTaken, match="another process"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_segments_end_at_their_size_and_numbers_go_on(tmp_path):
    with Journal(tmp_path, segment_bytes=100) as journal:
        for at in range(20):
            journal.append({"at": at})
        assert len(list(tmp_path.glob("journal-*.log"))) > 3
    with Journal(tmp_path, segment_bytes=100) as journal:
        assert numbers(journal) == list(range(1, 21))


def test_forgetting_drops_only_segments_that_are_done_and_keeps_the_count(tmp_path):
    with Journal(tmp_path, segment_bytes=100) as journal:
        for at in range(20):
            journal.append({"at": at})
        journal.forget(upto=10)
        kept = numbers(journal)
        assert kept[0] <= 11
        assert kept[-1] == 20
        journal.forget(upto=20)
        assert journal.last == 20
    with Journal(tmp_path) as journal:
        assert journal.append({}) == 21


def only_segment(folder):
    (path,) = folder.glob("journal-*.log")
    return path


@given(st.integers(1, 200))
def test_a_line_cut_off_at_the_end_was_never_promised(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder) as journal:
        journal.append({"first": 1})
        whole = only_segment(folder).stat().st_size
        journal.append({"second": "x" * 200})
    raw = only_segment(folder).read_bytes()
    only_segment(folder).write_bytes(raw[: max(len(raw) - cut, whole)])
    with Journal(folder) as journal:
        assert numbers(journal) == [1]
        assert journal.append({"again": 2}) == 2
        assert numbers(journal) == [1, 2]


@given(st.data())
def test_a_changed_byte_inside_is_found_and_named(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder) as journal:
        journal.append({"a": 1}, {"b": 2}, {"c": 3})
    path = only_segment(folder)
    raw = bytearray(path.read_bytes())
    # The last byte is the line end; without it the line was never whole.
    at = data.draw(st.integers(0, len(raw) - 2))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(raw))
    with pytest.raises((JournalDamaged, ValueError)):
        Journal(folder)


def test_a_missing_segment_is_found(tmp_path):
    with Journal(tmp_path, segment_bytes=50) as journal:
        for at in range(10):
            journal.append({"at": at})
    sorted(tmp_path.glob("journal-*.log"))[1].unlink()
    with pytest.raises(JournalDamaged, match="follows"):
        Journal(tmp_path)


WRITER = """
import sys
from pathlib import Path
from accounts.journal import Journal
journal = Journal(Path(sys.argv[1]), segment_bytes=2000)
while True:
    print(journal.append({"n": journal.last + 1}, {"n": journal.last + 2}), flush=True)
"""


def test_what_was_promised_survives_kill_9(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    for _ in range(50):
        promised = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().splitlines()
    child.wait(10)
    child.stdout.close()
    promised = max([promised, *(int(line) for line in rest if line)])
    with Journal(tmp_path) as journal:
        found = list(journal.replay())
    assert len(found) >= promised
    assert [number for number, _ in found] == [record["n"] for _, record in found]


def test_a_full_disk_keeps_nothing_of_the_record_and_can_go_on(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with Journal(tmp_path) as journal:
            journal.append({"small": 1})
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
            with pytest.raises(JournalUnavailable):
                journal.append({"large": "x" * 500})
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert journal.append({"small": 2}) == 2
            assert numbers(journal) == [1, 2]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_segment_that_cannot_be_begun_leaves_the_journal_as_it_was(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Journal(tmp_path, segment_bytes=10) as journal:
        journal.append({"first": 1})
        free = os.dup(0)
        os.close(free)
        # No descriptor is left: the next segment cannot be opened.
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            for _ in range(2):
                with pytest.raises(JournalUnavailable, match="cannot be made"):
                    journal.append({"second": 2})
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert journal.append({"second": 2}) == 2
        assert numbers(journal) == [1, 2]


def test_only_the_owner_may_read_it(tmp_path):
    folder = tmp_path / "journal"
    with Journal(folder) as journal:
        journal.append({})
    assert only_segment(folder).stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0
