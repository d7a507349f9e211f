"""Ended intents become audit entries, each once, and off the way of orders."""

import json

import pytest
from django.conf import settings

from accounts import intent_audit, intents, tasks
from accounts.models import Intent, Order, ParentOrder
from core import audit
from core.clock import now_ms
from core.models import AuditEntry
from quantai_site.celery import app
from tests.accounts import planted

pytestmark = pytest.mark.django_db


def intent(ended_at=None, **more):
    values = {
        "venue": "simulator",
        "kind": "place",
        "actor": "alice",
        "payload": {"symbol": "BTCUSDT", "quantity": "1"},
        "state": "done" if ended_at else "taken",
        "created_at": ended_at or planted.NOW,
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


def test_only_what_ended_before_the_moment_and_has_no_open_order_is_pruned(monkeypatch):
    monkeypatch.setattr(intents, "PRUNED", 2)
    gone = [intent(end) for end in (1, 2, 3)]
    kept = [intent(9), intent(None, state="taken"), intent(None, state="waiting")]
    account = planted.account()
    for name, state in (("rests", "new"), ("lost", "unknown"), ("done", "filled")):
        one = intent(4)
        (gone if name == "done" else kept).append(one)
        planted.order(account, parent=planted.parent(intent=one), state=state)
    kept.append(intent(1, venue="testnet"))
    Intent.objects.update(audited=True)
    assert intents.intents_prune(venue="simulator", before_ms=9) == len(gone)
    assert set(Intent.objects.all()) == set(kept)
    assert ParentOrder.objects.filter(intent=None).count() == 1
    assert Order.objects.count() == 3


def test_one_call_prunes_so_much_and_no_more(monkeypatch):
    monkeypatch.setattr(intents, "PRUNED", 2)
    monkeypatch.setattr(intents, "PRUNED_AT_MOST", 4)
    for end in range(1, 8):
        intent(end)
    Intent.objects.update(audited=True)
    told = [intents.intents_prune(venue="simulator", before_ms=9) for _ in range(3)]
    assert told == [4, 3, 0]


def test_the_schedule_forgets_by_the_age_of_the_settings():
    day_ms, days = 86_400_000, settings.QUANTAI.accounts.intent_days
    one = intent(now_ms() - (days - 1) * day_ms)
    Intent.objects.update(audited=True)
    tasks.intents_prune()
    assert Intent.objects.get() == one
    aged = now_ms() - (days + 1) * day_ms
    Intent.objects.update(created_at=aged, ended_at=aged)
    tasks.intents_prune()
    assert not Intent.objects.exists()
    scheduled = {each["task"] for each in app.conf.beat_schedule.values()}
    assert tasks.intents_prune.name in scheduled


def test_an_intent_and_its_mark_are_kept_together(monkeypatch):
    intent(1)

    def away(changes):
        raise RuntimeError("away")

    monkeypatch.setattr(audit, "record_many", away)
    with pytest.raises(RuntimeError):
        intent_audit.intents_audit(venue="simulator")
    monkeypatch.undo()
    assert intent_audit.intents_audit(venue="simulator") == 1
