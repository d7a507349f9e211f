import pytest

from market import connection_history as history
from market.models import ConnectionEvent
from market.patterns import Loss

pytestmark = pytest.mark.django_db
SECOND = 1000


def store(*events, venue="simulator"):
    """Each event is (at in seconds, connection, kind)."""
    ConnectionEvent.objects.bulk_create(
        ConnectionEvent(
            venue=venue,
            at=at * SECOND,
            connection=connection,
            route="market",
            kind=kind,
            reason=f"{kind} at {at}",
        )
        for at, connection, kind in events
    )


def losses(until=1000):
    found, spans = history.losses(
        venue="simulator", since_ms=0, until_ms=until * SECOND
    )
    return found, [(start // SECOND, -(-end // SECOND)) for start, end in spans]


def test_a_loss_has_the_age_of_what_was_lost():
    store((10, "a", "connected"), (70, "a", "disconnected"), (75, "a", "connected"))
    found, spans = losses()
    assert found == [Loss(70 * SECOND, "a", 60.0)]
    assert spans == [(10, 71), (75, 1000)]


def test_dials_that_fail_are_no_further_losses():
    store(
        (10, "a", "connected"),
        (70, "a", "disconnected"),
        (72, "a", "disconnected"),
        (80, "a", "failed"),
        (90, "a", "disconnected"),
    )
    assert [loss.at for loss in losses()[0]] == [70 * SECOND]


@pytest.mark.parametrize("kind", ["reconnect_requested", "stopped"])
def test_what_was_asked_for_is_no_loss(kind):
    store((10, "a", "connected"), (70, "a", kind))
    assert losses() == ([], [(10, 71)])


def test_a_rotated_connection_is_young_again():
    store((10, "a", "connected"), (60, "a", "rotated"), (70, "a", "disconnected"))
    assert losses()[0] == [Loss(70 * SECOND, "a", 10.0)]


def test_a_killed_feed_was_not_live_until_it_came_back():
    store(
        (10, "a", "connected"),
        (20, "b", "connected"),
        (50, "b", "disconnected"),
        (500, "a", "connected"),
    )
    assert losses()[1] == [(10, 51), (500, 1000)]


def test_other_venues_are_not_looked_at():
    store((10, "a", "connected"), (70, "a", "disconnected"), venue="binance")
    assert losses() == ([], [])


def test_events_are_walked_in_chunks_with_a_cursor_and_a_range(monkeypatch):
    monkeypatch.setattr(history, "CHUNK", 3)
    store(*((at, "a", "connected") for at in range(10)))
    everything = list(history.events_between(venue="simulator"))
    assert [row["at"] for row in everything] == [at * SECOND for at in range(10)]
    page = list(
        history.events_between(
            venue="simulator", after=everything[1]["id"], limit=4, since_ms=0
        )
    )
    assert page == everything[2:6]
    part = history.events_between(
        venue="simulator", since_ms=3 * SECOND, until_ms=5 * SECOND
    )
    assert [row["at"] for row in part] == [3 * SECOND, 4 * SECOND]


def test_incidents_are_the_newest_of_their_kinds_oldest_first():
    store(*((at, "a", kind) for at, kind in enumerate(["connected", "x", "failed"])))
    rows = history.incidents(venue="simulator", since_ms=0, limit=10)
    assert [row[1:] for row in rows] == [
        [0, "a", "connected", "connected at 0"],
        [2 * SECOND, "a", "failed", "failed at 2"],
    ]
    assert len(history.incidents(venue="simulator", since_ms=0, limit=1)) == 1
