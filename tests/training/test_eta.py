import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.eta import Running, eta_seconds


@pytest.mark.parametrize(
    ("to_begin", "running", "mean", "expected"),
    [
        # Nobody works and nothing has ended: nothing can be said.
        (5, [], None, None),
        (0, [], 10.0, None),
        # Half of a trial took 30 s; four more like it follow, one after the other.
        (4, [Running(30, 5, 5)], None, 270),
        # Two at once.
        (4, [Running(30, 5, 5), Running(30, 5, 5)], None, 150),
        # The ended ones say how long one takes; this one has no epoch yet.
        (1, [Running(4, 0, 10)], 10.0, 16),
        # The last one takes longer than the others: it is not over, nobody knows when.
        (0, [Running(40, 0, 10)], 10.0, None),
        (3, [Running(40, 0, 10)], 10.0, 30),
        # The longest one decides.
        (0, [Running(10, 1, 9), Running(90, 9, 1)], 50.0, 90),
        # A trial without an epoch and nothing to go by.
        (0, [Running(10, 0, 9)], None, None),
        # A pace of one says how long the other takes.
        (0, [Running(10, 5, 5), Running(4, 0, 9)], None, 16),
    ],
)
def test_the_remaining_time(to_begin, running, mean, expected):
    found = eta_seconds(to_begin=to_begin, running=running, mean_seconds=mean)
    assert found == (None if expected is None else pytest.approx(expected))


@given(
    st.integers(0, 50),
    st.lists(st.builds(Running, st.floats(0, 1e5), st.integers(0, 50), st.integers(0, 50))),
    st.one_of(st.none(), st.floats(0, 1e5)),
)  # fmt: skip
def test_it_is_never_negative_nor_nothing(to_begin, running, mean):
    found = eta_seconds(to_begin=to_begin, running=running, mean_seconds=mean)
    assert found is None or found > 0
