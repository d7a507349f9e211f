"""Ended intents become audit entries, each once, and off the way of orders."""

import json

import pytest

from accounts import intent_audit, intents
from accounts.models import Intent
from core import audit
from core.models import AuditEntry
from tests.accounts import planted

pytestmark = pytest.mark.django_db


def intent(ended_at=None, **more):
    values = {
        "venue": "simulator",
        "kind": "place",
        "actor": "alice",
        "payload": {"symbol": "BTCUSDT", "quantity": "1"},
        "state": "done" if ended_at else "taken",
        "created_at": planted.NOW,
        "deadline": planted.NOW,
        "ended_at": ended_at,
    } | more
    return Intent.objects.create(**values)


def test_an_ended_intent_is_told_of_once_with_what_came_of_it():
    account = {"account": "main", "outcome": "refused", "message": "no", "order": 7}
    row = intent(
        planted.NOW,
        state="refused",
        result={"message": "nothing", "accounts": [account]},
    )
    intent()
    assert intent_audit.intents_audit(venue="simulator") == 1
    assert intent_audit.intents_audit(venue="simulator") == 0
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == ("alice", "intent.place")
    assert entry.target == str(row.id)
    assert json.loads(entry.before)["payload"] == {"symbol": "BTCUSDT", "quantity": "1"}
    told = json.loads(entry.after)
    assert (told["state"], told["result"]["accounts"]) == ("refused", [account])


def test_many_are_told_of_in_the_order_in_which_they_ended(monkeypatch):
    monkeypatch.setattr(intent_audit, "MOST", 2)
    made = {end: str(intent(end).id) for end in (5, 3, 4, 1, 2)}
    told = [intent_audit.intents_audit(venue="simulator") for _ in range(4)]
    assert told == [2, 2, 1, 0]
    entries = AuditEntry.objects.order_by("number")
    assert [one.target for one in entries] == [made[end] for end in sorted(made)]
    assert audit.verify().findings == ()


def test_nothing_is_pruned_before_it_was_told_of():
    intent(1)
    assert intents.intents_prune(venue="simulator", before_ms=2) == 0
    intent_audit.intents_audit(venue="simulator")
    assert intents.intents_prune(venue="simulator", before_ms=2) == 1


def test_an_intent_and_its_mark_are_kept_together(monkeypatch):
    intent(1)

    def away(changes):
        raise RuntimeError("away")

    monkeypatch.setattr(audit, "record_many", away)
    with pytest.raises(RuntimeError):
        intent_audit.intents_audit(venue="simulator")
    monkeypatch.undo()
    assert intent_audit.intents_audit(venue="simulator") == 1
