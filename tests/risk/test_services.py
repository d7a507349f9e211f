"""State and limits of trading: kept, checked, and every change noted."""

from decimal import Decimal

import pytest

from core import topics
from core.errors import InvalidInput
from core.models import AuditEntry
from core.push import CHANNEL, parse
from risk import selectors, services
from risk.domain.gate import Limits

pytestmark = pytest.mark.django_db


def test_a_venue_is_active_with_the_usual_limits_until_somebody_says_else():
    assert selectors.risk_state(venue="simulator") == "ACTIVE"
    assert selectors.risk_limits(venue="simulator") == Limits()


def test_a_halt_stays_and_is_one_venue_s_only():
    services.state_set(
        venue="simulator", state="HALTED", actor="alice", reason="too odd"
    )
    assert selectors.risk_state(venue="simulator") == "HALTED"
    assert selectors.risk_state(venue="testnet") == "ACTIVE"
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target) == (
        "alice",
        "risk.state",
        "simulator",
    )
    assert "HALTED" in entry.after
    assert "too odd" in entry.after
    assert "ACTIVE" in entry.before


def test_limits_change_one_by_one():
    services.limits_set(venue="simulator", actor="alice", max_notional=Decimal("5.5"))
    found = services.limits_set(venue="simulator", actor="bob", quote_age_seconds=2.0)
    assert found == Limits(Decimal("5.5"), 2.0)
    assert selectors.risk_limits(venue="simulator") == found
    entries = AuditEntry.objects.order_by("number")
    assert [each.actor for each in entries] == ["alice", "bob"]


def test_what_does_not_change_anything_leaves_no_trace():
    services.state_set(venue="simulator", state="ACTIVE", actor="alice")
    services.limits_set(venue="simulator", actor="alice")
    assert not AuditEntry.objects.exists()


def test_values_that_make_no_sense_are_refused():
    with pytest.raises(InvalidInput):
        services.state_set(venue="simulator", state="ASLEEP", actor="alice")
    with pytest.raises(InvalidInput):
        services.limits_set(venue="simulator", actor="alice", max_notional=Decimal(-1))
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_browsers_hear_of_every_change(bus):
    listening = bus.pubsub(ignore_subscribe_messages=True)
    listening.subscribe(CHANNEL)
    listening.get_message(timeout=5)
    services.state_set(venue="simulator", state="HALTED", actor="alice")
    services.limits_set(venue="simulator", actor="alice", quote_age_seconds=2.0)
    heard = [parse(listening.get_message(timeout=5)["data"]) for _ in range(2)]
    listening.close()
    assert [(one.topic, one.mode) for one in heard] == [(services.TOPIC, "queue")] * 2
    assert topics.rule_for(services.TOPIC) is not None
