"""What accounts did and hold can be searched in the admin, and changed by nobody."""

import time

import pytest

from accounts.models import (
    EquitySnapshot,
    Intent,
    Reconciliation,
    TradeRecord,
)
from tests.accounts import planted

pytestmark = pytest.mark.django_db
NOW = time.time_ns() // 1_000_000


def rows():
    owner = planted.account("alpha")
    return {
        "order": (planted.order(owner, reason="too large"), "alpha"),
        "fill": (planted.fill(owner, "BUY", "1", "2"), "BTCUSDT"),
        "parentorder": (planted.parent(), "BTCUSDT"),
        "intent": (
            Intent.objects.create(
                venue="simulator",
                kind="close",
                actor="alice",
                created_at=NOW,
                deadline=NOW,
            ),
            "alice",
        ),
        "position": (planted.position(owner, "BTCUSDT", "1", "2"), "BTCUSDT"),
        "balance": (planted.balance(owner, "7"), "USDT"),
        "income": (planted.funding(owner, "-1"), "BTCUSDT"),
        "equitysnapshot": (
            EquitySnapshot.objects.create(
                account=owner, at=NOW, wallet=1, open_profit=1, equity=2
            ),
            "alpha",
        ),
        "reconciliation": (
            Reconciliation.objects.create(
                account=owner, at=NOW, cause="start", seconds=0.1, differences=["x"]
            ),
            "alpha",
        ),
        "traderecord": (
            TradeRecord.objects.create(
                venue="simulator", key="k1", symbol="BTCUSDT", recorded_at=NOW
            ),
            "k1",
        ),
    }


def test_every_kind_of_record_is_searched_and_none_is_changed(admin_client):
    for kind, (row, word) in rows().items():
        path = f"/admin/accounts/{kind}/"
        page = admin_client.get(f"{path}?q={word}").content.decode()
        assert f"{path}{row.pk}/change/" in page, kind
        nothing = admin_client.get(f"{path}?q=nothing-like-it").content.decode()
        assert f"{path}{row.pk}/change/" not in nothing, kind
        assert admin_client.get(f"{path}{row.pk}/change/").status_code == 200
        assert admin_client.get(f"{path}add/").status_code == 403
        for form in ("change", "delete"):
            answer = admin_client.post(f"{path}{row.pk}/{form}/", {"post": "yes"})
            assert answer.status_code == 403, kind


def test_orders_are_filtered_by_their_state(admin_client):
    owner = planted.account("alpha")
    new, done = planted.order(owner), planted.order(owner, state="filled")
    page = admin_client.get("/admin/accounts/order/?state=filled").content.decode()
    assert done.client_id in page
    assert f">{new.client_id}<" not in page
