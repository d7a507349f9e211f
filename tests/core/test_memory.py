"""What was freed is the system's again."""

import subprocess
import sys

import pytest

from core import memory

# A heap with holes: every second block is freed, and the last one keeps the top in use.
HOLES = """
import psutil
from core.memory import give_back

blocks = [bytes(60_000) for _ in range(1_000)]
del blocks[::2]
before = psutil.Process().memory_info().rss
give_back()
print((before - psutil.Process().memory_info().rss) // 1_000_000)
"""


@pytest.mark.skipif(memory._trim is None, reason="needs a C library with malloc_trim")
def test_freed_memory_between_used_memory_goes_back_to_the_system():
    command = [sys.executable, "-c", HOLES]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(told.stdout) > 15


def test_nothing_happens_where_the_c_library_cannot(monkeypatch):
    monkeypatch.setattr(memory, "_trim", None)
    memory.give_back()
