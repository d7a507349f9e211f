"""Who may stop trading, who may allow it again, and the limits."""

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from core import audit
from core.models import AuditEntry
from risk import services

pytestmark = pytest.mark.django_db
STATE, LIMITS = "/api/v1/risk/state", "/api/v1/risk/limits"
CHANGES = "/api/v1/risk/changes"


@pytest.fixture
def as_role(client):
    def log_in(*roles):
        user = User.objects.create(username="-".join(roles) or "nobody")
        user.groups.set([Group.objects.get(name=role) for role in roles])
        client.force_login(user)
        return client

    return log_in


def post(client, path, **body):
    return client.post(path, body, content_type="application/json")


def test_everybody_sees_what_trading_may_do(as_role):
    told = as_role("viewer").get(STATE).json()
    assert (told["state"], told["limits"]["max_notional"]) == ("ACTIVE", "100000")


def test_a_trader_may_stop_but_not_start_again(as_role):
    client = as_role("trader")
    told = post(client, STATE, state="HALTED", reason="odd prices")
    assert (told.status_code, told.json()["state"]) == (200, "HALTED")
    assert told.json()["changed_by"] == "trader"
    assert post(client, STATE, state="REDUCING").status_code == 403
    assert client.get(STATE).json()["state"] == "HALTED"
    assert post(as_role("risk"), STATE, state="ACTIVE").json()["state"] == "ACTIVE"
    assert AuditEntry.objects.filter(action="risk.state").count() == 2


def test_a_viewer_changes_nothing(as_role):
    client = as_role("viewer")
    assert post(client, STATE, state="HALTED").status_code == 403
    assert post(client, LIMITS, max_notional="5").status_code == 403


def test_limits_are_changed_by_those_who_watch_risk(as_role):
    assert post(as_role("trader"), LIMITS, max_notional="5").status_code == 403
    told = post(as_role("risk"), LIMITS, max_notional="5.50").json()
    assert told["limits"] == {"max_notional": "5.5", "quote_age_seconds": 5.0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (STATE, {"state": "ASLEEP"}),
        (STATE, {"state": "HALTED", "colour": "red"}),
        (LIMITS, {"max_notional": "-1"}),
        (LIMITS, {"quote_age_seconds": "0"}),
    ],
)
def test_what_makes_no_sense_is_refused(as_role, path, body):
    answer = post(as_role("risk"), path, **body)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"code", "message", "details"}


def test_changes_are_told_newest_first_with_what_was_and_why(as_role):
    client = as_role("risk")
    post(client, STATE, state="HALTED", reason="odd prices")
    post(client, LIMITS, max_notional="5.5", reason="small at first")
    audit.record("alice", "account.update", "simulator", 1, 2)
    services.state_set(venue="testnet", state="HALTED", actor="alice")
    told = client.get(CHANGES).json()
    limits, state = told["changes"]
    assert (told["venue"], state["actor"]) == ("simulator", "risk")
    assert (state["action"], state["before"]) == ("risk.state", "ACTIVE")
    assert state["after"] == {"state": "HALTED", "reason": "odd prices"}
    assert (limits["action"], limits["before"]["max_notional"]) == (
        "risk.limits",
        "100000",
    )
    assert limits["after"]["max_notional"] == "5.5"
    assert client.get(CHANGES, {"limit": 1}).json()["changes"] == [limits]


def test_nobody_reads_changes_without_a_login(client):
    assert client.get(CHANGES).status_code == 401
