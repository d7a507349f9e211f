import pytest

from market.binance.rerouting import (
    LONGEST_SECONDS,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    TRIALS_AT_ONCE,
    Rerouter,
)
from market.binance.session import FIRST_FRAME_SECONDS
from market.binance.streams import Route

KLINE = "btcusdt@kline_1m"
QUOTE = "btcusdt@bookTicker"


class Connections:
    """Notes what it is asked to do."""

    def __init__(self):
        self.live = True
        self.asked_at = {}
        self.done = []
        self.told = []

    def try_on(self, stream, where):
        self.done.append(("try", stream, where))
        return f"{where}-1"

    def tried_since(self, stream, connection):
        return self.asked_at.get(stream)

    def keep(self, stream, connection):
        self.done.append(("keep", stream, connection))

    def leave(self, stream, connection):
        self.done.append(("leave", stream, connection))

    def anything_live(self, now):
        return self.live

    def tell(self, where, kind, reason, connection):
        self.told.append((where, kind, reason))


@pytest.fixture
def fleet():
    return Connections()


@pytest.fixture
def rerouter(fleet):
    return Rerouter(fleet)


def tried(rerouter, name=KLINE, now=100.0):
    rerouter.never_spoke(name, now)
    rerouter.look(now + PATIENCE_SECONDS)
    return now + PATIENCE_SECONDS


def test_a_stream_has_time_to_speak_after_it_was_asked_for_again(rerouter, fleet):
    rerouter.never_spoke(KLINE, 100.0)
    rerouter.look(100.0 + PATIENCE_SECONDS - 0.1)
    assert fleet.done == []
    rerouter.spoke(KLINE, Route.MARKET)
    rerouter.look(200.0)
    assert fleet.done == []


def test_being_asked_for_more_often_delays_no_trial(rerouter, fleet):
    rerouter.never_spoke(KLINE, 100.0)
    rerouter.never_spoke(KLINE, 105.0)
    rerouter.look(100.0 + PATIENCE_SECONDS)
    assert len(fleet.done) == 1


@pytest.mark.parametrize(
    ("name", "home", "other"),
    [(KLINE, Route.MARKET, Route.PUBLIC), (QUOTE, Route.PUBLIC, Route.MARKET)],
)
def test_it_is_tried_on_the_other_class_and_stays_where_it_speaks(
    rerouter, fleet, name, home, other
):
    tried(rerouter, name)
    assert rerouter.route(name) is home
    rerouter.spoke(name, other)
    assert fleet.done == [("try", name, other), ("keep", name, f"{other}-1")]
    assert rerouter.route(name) is other
    ((where, kind, reason),) = fleet.told
    assert (where, kind) == (other, "rerouted")
    assert f"no data on {home}" in reason
    assert f"data on {other}" in reason


def test_a_trial_in_vain_ends_after_the_first_frame_deadline(rerouter, fleet):
    now = tried(rerouter)
    fleet.asked_at[KLINE] = now + 1
    rerouter.look(now + 1 + FIRST_FRAME_SECONDS)
    assert fleet.told == []
    rerouter.look(now + 1.6 + FIRST_FRAME_SECONDS)
    assert fleet.done[-1] == ("leave", KLINE, "public-1")
    ((where, kind, reason),) = fleet.told
    assert (where, kind) == (Route.MARKET, "astray")
    assert "market, where it should be" in reason
    assert rerouter.route(KLINE) is Route.MARKET


def test_a_trial_whose_connection_never_opens_ends_too(rerouter, fleet):
    now = tried(rerouter)
    rerouter.look(now + LONGEST_SECONDS)
    assert fleet.told == []
    rerouter.look(now + LONGEST_SECONDS + LOOK_SECONDS)
    assert [kind for _, kind, _ in fleet.told] == ["astray"]


def test_no_stream_is_tried_twice(rerouter, fleet):
    now = tried(rerouter)
    fleet.asked_at[KLINE] = now
    rerouter.look(now + FIRST_FRAME_SECONDS + 1)
    tried(rerouter, now=now + 100)
    assert [what for what, *_ in fleet.done] == ["try", "leave"]


def test_a_stream_that_moved_is_not_tried_at_its_old_home(rerouter, fleet):
    tried(rerouter)
    rerouter.spoke(KLINE, Route.PUBLIC)
    tried(rerouter, now=500.0)
    assert [what for what, *_ in fleet.done] == ["try", "keep"]


def test_a_stream_that_speaks_at_home_during_its_trial_stays_there(rerouter, fleet):
    tried(rerouter)
    rerouter.spoke(KLINE, Route.MARKET)
    assert fleet.done[-1] == ("leave", KLINE, "public-1")
    assert fleet.told == []
    assert rerouter.route(KLINE) is Route.MARKET


def test_user_data_is_never_tried_elsewhere(rerouter, fleet):
    tried(rerouter, "a" * 64)
    assert fleet.done == []


def test_a_few_are_tried_at_a_time(rerouter, fleet):
    names = [f"s{n}usdt@kline_1m" for n in range(TRIALS_AT_ONCE + 3)]
    for name in names:
        rerouter.never_spoke(name, 100.0)
    rerouter.look(120.0)
    assert [name for _, name, _ in fleet.done] == names[:TRIALS_AT_ONCE]
    rerouter.spoke(names[0], Route.PUBLIC)
    rerouter.look(121.0)
    assert fleet.done[-1][:2] == ("try", names[TRIALS_AT_ONCE])


def test_while_nothing_flows_one_is_tried_at_a_time(rerouter, fleet):
    fleet.live = False
    for number in range(3):
        rerouter.never_spoke(f"s{number}usdt@kline_1m", 100.0)
    rerouter.look(120.0)
    rerouter.look(121.0)
    assert len(fleet.done) == 1


def test_a_stream_that_is_followed_no_longer_is_not_tried(rerouter, fleet):
    rerouter.never_spoke(KLINE, 100.0)
    rerouter.forget([KLINE])
    rerouter.look(200.0)
    assert fleet.done == []
    tried(rerouter, QUOTE, 300.0)
    rerouter.forget([QUOTE])
    rerouter.spoke(QUOTE, Route.MARKET)
    rerouter.look(400.0)
    assert fleet.told == []
    assert rerouter.route(QUOTE) is Route.PUBLIC
