"""Walks that are kept: found again, aged, and few."""

from accounts import kept_walks
from accounts.domain.round_trips import Ledger
from accounts.kept_walks import Mark, Walk

EMPTY = Ledger((), (), (), ())


def walk(fills=0, *, converted=False):
    return Walk((None,) * fills, EMPTY, EMPTY, "", converted)


def mark(account, fills):
    return Mark(account, 0, fills, None, ())


def test_of_one_account_the_newest_two_are_kept():
    for fills in range(4):
        kept_walks.keep(mark(-1, fills), walk())
    found = [kept_walks.find(mark(-1, fills)) is not None for fills in range(4)]
    assert found == [False, False, True, True]


def test_many_fills_push_out_what_nobody_asked_for(monkeypatch):
    monkeypatch.setattr(kept_walks, "_kept", kept_walks.OrderedDict())
    monkeypatch.setattr(kept_walks, "MOST_FILLS", 5)
    for account in (1, 2):
        kept_walks.keep(mark(account, 2), walk(2))
    assert kept_walks.find(mark(1, 2))
    kept_walks.keep(mark(3, 2), walk(2))
    assert kept_walks.find(mark(2, 2)) is None
    assert kept_walks.find(mark(1, 2))


def test_a_walk_with_converted_fees_is_kept_briefly(monkeypatch):
    kept_walks.keep(mark(-2, 1), walk(1, converted=True))
    kept_walks.keep(mark(-3, 1), walk(1))
    assert kept_walks.find(mark(-2, 1))
    monkeypatch.setattr(kept_walks, "CONVERTED_SECONDS", -1)
    assert kept_walks.find(mark(-2, 1)) is None
    assert kept_walks.find(mark(-3, 1))
