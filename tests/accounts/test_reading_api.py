"""REST of accounts, orders, executions and reports: who may read, what is answered."""

import json
from decimal import Decimal

import pytest

from accounts import live
from accounts.intent_documents import IntentResult, document
from accounts.models import Intent
from core import topics
from core.access import Role, Scope
from tests.accounts import planted
from tests.accounts.planted import DAY, NOW
from tests.market.test_api import bearer, browser, check_error, person

BASE = "/api/v1/accounts"
READS = (
    "", "/positions", "/orders", "/orders/{order}", "/parents", "/parents/{parent}",
    "/refusals", "/trades", "/reconciliations", "/pnl", "/performance", "/equity",
)  # fmt: skip
D = Decimal
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def viewer():
    return browser(Role.VIEWER)


@pytest.fixture
def traded(bus):
    one, two = planted.account("one"), planted.account("two", group="aggressive")
    for owner in (one, two):
        planted.balance(owner, "1000")
        whole = planted.order(owner, state="filled", filled=D("0.5"))
        planted.order(owner, symbol="ETHUSDT", at=NOW - 2 * DAY)
        planted.fill(owner, "BUY", "0.5", "100", order=whole, at=NOW - 5)
        planted.position(owner, "BTCUSDT", "0.5", "100")
    planted.quotes(bus, BTCUSDT=(101.0, 101.0, 101.0, 101.0))


def get(client, path):
    answer = client.get(f"{BASE}{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def file(client, path):
    answer = client.get(f"{BASE}{path}")
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_everybody_who_may_look_reads_and_nobody_else(client, viewer):
    reader = bearer(Role.RISK, Scope.READ)
    order, parent = planted.order(planted.account()), planted.parent()
    for path in READS:
        place = BASE + path.format(order=order.id, parent=parent.id)
        statuses = [one.get(place).status_code for one in (client, viewer, reader)]
        assert statuses == [401, 200, 200], path


@pytest.mark.parametrize("role", Role)
def test_every_role_may_hear_of_orders_fills_and_positions(role):
    known = person(role).get_all_permissions()
    for name, permission in live.PERMISSIONS.items():
        assert topics.rule_for(name).permission == permission
        assert permission in known


def test_accounts_are_cards_with_groups_and_sums(viewer, traded):
    told = get(viewer, "")
    first = told["accounts"][0]
    assert (first["name"], first["badge"], first["type"]) == (
        "one",
        "SIMULATED",
        "PRIMARY",
    )
    assert (first["wallet"], first["open_profit"], first["equity"]) == (
        "1000",
        "0.5",
        "1000.5",
    )
    assert (first["open_orders"], first["positions"]) == (1, 1)
    assert told["totals"]["equity"] == "2001"
    groups = {group["name"]: group for group in told["groups"]}
    assert groups["aggressive"]["accounts"] == 1
    assert groups["conservative"]["equity"] == "0"


def test_no_answer_has_anything_of_a_key(viewer):
    planted.account(
        api_key_cipher="cipher-of-key", api_secret_cipher="cipher-of-secret",
        passphrase_cipher="cipher-of-phrase", key_hint="ab…yz",
    )  # fmt: skip
    told = json.dumps(get(viewer, ""))
    assert "cipher" not in told
    assert json.loads(told)["accounts"][0]["key_hint"] == "ab…yz"


def test_orders_come_in_pages_without_a_hole(viewer):
    one = planted.account()
    made = [planted.order(one).id for _ in range(5)]
    first = get(viewer, "/orders?limit=2")
    rest = get(viewer, f"/orders?limit=3&after={first['next_after']}")
    seen = [row["id"] for row in (*first["orders"], *rest["orders"])]
    assert seen == made[::-1]
    assert get(viewer, f"/orders?after={made[0]}")["next_after"] is None
    assert {"epoch", "seq", "counts"} <= set(first)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=open", 2), ("state=closed", 2), ("state=filled", 2), ("account=one", 2),
        ("group=aggressive", 2), ("symbol=ethusdt", 2), ("side=SELL", 0),
        ("since=DAY_AGO", 2), ("until=DAY_AGO", 2), ("account=nobody", 0),
    ],
)  # fmt: skip
def test_orders_are_filtered(viewer, traded, query, expected):
    query = query.replace("DAY_AGO", str(NOW - DAY))
    assert len(get(viewer, f"/orders?{query}")["orders"]) == expected


@pytest.mark.parametrize("path", ["", "/orders", "/trades", "/positions", "/pnl"])
@pytest.mark.parametrize("group", ["策略一", "cafe\u0301"])
def test_a_group_is_asked_for_in_any_script(viewer, bus, path, group):
    owner = planted.account("one", group=group)
    planted.fill(owner, "BUY", "0.5", "100", order=planted.order(owner), at=NOW - 5)
    planted.position(owner, "BTCUSDT", "0.5", "100")
    planted.order(planted.account("two"))
    answer = viewer.get(f"{BASE}{path}", {"group": group})
    assert answer.status_code == 200
    told = answer.content.decode()
    assert '"one"' in told
    assert path == "" or '"two"' not in told


def test_a_filter_that_nobody_knows_is_an_error_that_names_it(viewer):
    check_error(viewer.get(f"{BASE}/orders?state=lost"), 422, "invalid_input")
    check_error(viewer.get(f"{BASE}/orders?side=UP"), 422, "invalid_input")
    answer = viewer.get(f"{BASE}/orders?since={NOW}&until={NOW - 1}")
    assert check_error(answer, 422, "invalid_input")["details"][0]["field"] == "until"
    for query, field in (
        (f"/orders?parent={10**25}", "parent"),
        ("/trades?order=0", "order"),
    ):
        answer = check_error(viewer.get(BASE + query), 422, "invalid_input")
        assert answer["details"][0]["field"] == field
    check_error(viewer.get(f"{BASE}/pnl?account=nobody"), 422, "invalid_input")
    check_error(viewer.get(f"{BASE}/performance?group=none"), 422, "invalid_input")
    check_error(viewer.get(f"{BASE}/orders/7"), 404, "not_found")


def test_one_order_has_its_executions(viewer, traded):
    filled = get(viewer, "/orders?state=filled&account=one")["orders"][0]
    told = get(viewer, f"/orders/{filled['id']}")
    assert [fill["price"] for fill in told["fills"]] == ["100"]
    assert (told["filled"], told["left"]) == ("0.5", "0")


def test_a_parent_has_its_parts(viewer):
    whole = planted.parent()
    for name in ("one", "two"):
        planted.order(planted.account(name), parent=whole)
    (told,) = get(viewer, "/parents")["parents"]
    assert [part["account"] for part in told["orders"]] == ["one", "two"]
    assert get(viewer, f"/parents/{whole.id}")["strategy"] == "weighted"


def test_money_is_text_everywhere(viewer, traded):
    whole = json.dumps(get(viewer, "/trades")["trades"][0])
    assert '"price": "100"' in whole
    told = get(viewer, "/positions")
    assert told["positions"][0]["valuation"]["profit"] == "1"
    assert isinstance(get(viewer, "/pnl")["totals"]["net"], str)


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "parquet"])
@pytest.mark.parametrize(
    "path",
    [
        "/orders?", "/trades?", "/positions?", "/pnl?what=symbols&", "/pnl?what=trades&",
        "/pnl?what=accounts&", "/pnl?what=conversions&", "/performance?",
        "/performance?what=curve&",
    ],
)  # fmt: skip
def test_everything_can_be_had_as_a_file(viewer, traded, path, kind):
    body = file(viewer, f"{path}format={kind}")
    if kind == "csv":
        lines = body.decode().splitlines()
        assert lines[0].startswith("venue,badge,")
        assert all(line.startswith("simulator,SIMULATED,") for line in lines[1:])
    elif kind == "json":
        assert json.loads(body)["badge"] == "SIMULATED"
    elif kind == "ndjson":
        assert all(json.loads(line)["venue"] for line in body.splitlines())
    else:
        assert body[:4] == b"PAR1"


def test_rows_of_a_file_say_the_badge_of_their_own_account(viewer):
    planted.order(planted.account("p", mode="paper"))
    (row,) = json.loads(file(viewer, "/orders?format=json"))["rows"]
    assert (row["badge"], row["account_badge"]) == ("SIMULATED", "PAPER")


def test_a_report_tells_what_is_open_beside_what_was_realised(viewer, traded):
    told = get(viewer, "/pnl")
    assert told["totals"]["realised"] == "0"
    assert told["open"]["totals"]["profit"] == "1"


def test_other_venues_are_not_told_of(viewer):
    planted.order(planted.account(venue="testnet"))
    assert get(viewer, "")["accounts"] == []
    assert get(viewer, "/orders")["orders"] == []


def test_what_the_gate_refused_is_told_with_its_codes(viewer):
    def intent(at, codes, **more):
        result = IntentResult(message="no", codes=codes)
        wanted = {
            "venue": "simulator",
            "kind": "place",
            "state": "refused",
            "actor": "alice",
            "payload": {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.5"},
            "result": document(result),
            "created_at": at,
            "deadline": at,
        }
        return Intent.objects.create(**(wanted | more))

    first = intent(1, ("halted",))
    second = intent(2, ("stale_quote", "max_notional"))
    intent(3, (), result=document(IntentResult(message="no such contract")))
    intent(4, ("halted",), venue="testnet")
    intent(5, ("halted",), state="done")
    intent(6, (), kind="leverage")
    told = get(viewer, "/refusals")["refusals"]
    assert [one["id"] for one in told] == [str(second.id), str(first.id)]
    assert told[0]["codes"] == ["stale_quote", "max_notional"]
    assert (told[1]["symbol"], told[1]["side"], told[1]["quantity"]) == (
        "BTCUSDT",
        "BUY",
        "0.5",
    )
    assert (told[1]["at"], told[1]["actor"], told[1]["message"]) == (1, "alice", "no")
    assert len(get(viewer, "/refusals?limit=1")["refusals"]) == 1
