from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from market.management.progress import Progress


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return [100.0]


def progress(stream, clock):
    return Progress(OutputWrapper(stream), "X 1h", "bars", lambda: clock[0])


def step(shown, clock, seconds, done, planned=1000):
    clock[0] += seconds
    shown.show(done, planned)


def test_elsewhere_a_line_at_every_tenth_with_rate_and_time_left(clock):
    out = StringIO()
    shown = progress(out, clock)
    for seconds, done in ((50, 0), (1, 100), (1, 150), (2, 400), (3, 1000)):
        step(shown, clock, seconds, done)
    assert out.getvalue().splitlines() == [
        "X 1h 0/1,000 bars",
        "X 1h 100/1,000 bars, 100/s, 9 s left",
        "X 1h 400/1,000 bars, 100/s, 6 s left",
        "X 1h 1,000/1,000 bars, 143/s",
    ]


def test_a_terminal_sees_one_line_that_moves_and_ends(clock):
    out = Terminal()
    shown = progress(out, clock)
    shown.count("read", 1000)
    for seconds, done in ((1, 0), (0.05, 100), (1, 500), (1, 1000)):
        step(shown, clock, seconds, done)
    moves = out.getvalue().split("\r")[1:]
    assert moves[0] == "X 1h 1,000 bars read\x1b[K"
    assert len(moves) == 4  # the second step came too soon
    assert moves[2].startswith(f"X 1h [{'#' * 15}{' ' * 15}] 500/1,000 bars, 476/s")
    assert moves[3].endswith("/s\x1b[K\n")


def test_nothing_to_do_is_no_error(clock):
    out = StringIO()
    progress(out, clock).show(0, 0)
    assert out.getvalue() == "X 1h 0/0 bars\n"
