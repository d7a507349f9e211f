from market.scanner.history import History


def bars(*taken, volume=10.0):
    rows = [(at, 1.0, 1.0, 1.0, 1.0, volume, each) for at, each in enumerate(taken)]
    return History.of(rows)


def test_what_takers_bought_is_unknown_where_no_bar_has_it():
    assert bars(0.0, 0.0).last_taker_base() is None


def test_nothing_is_nothing_where_other_bars_have_takers_or_nobody_traded():
    assert bars(4.0, 0.0).last_taker_base() == 0.0
    assert bars(4.0, 3.0).last_taker_base() == 3.0
    assert bars(0.0, 0.0, volume=0.0).last_taker_base() == 0.0
