"""The trail of changes: what goes in, and that tampering with it is found."""

import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from core import audit
from core.errors import AppendOnly
from core.models import AuditEntry, AuditHead

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2hunter2"
in_database = pytest.mark.django_db


def written(count=6):
    return [
        audit.record("boss", "account.update", f"account {n}", {"weight": n}, {"w": 1})
        for n in range(count)
    ]


def sql(text, *values):
    """Change rows as somebody with the database in hand would."""
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def whats(**more):
    return {(one.number, one.what) for one in audit.verify(**more).findings}


# -- writing ----------------------------------------------------------------------------


@in_database
def test_entries_are_numbered_and_each_is_chained_to_the_one_before():
    first, second = written(2)
    assert (first.number, first.previous) == (1, "")
    assert (second.number, second.previous) == (2, first.digest)
    assert audit.verify().findings == ()


@in_database
def test_many_entries_are_written_in_their_order():
    changes = [audit.Change("trader", "order.place", f"order {n}") for n in range(5)]
    assert [one.target for one in audit.record_many(changes)] == [
        f"order {n}" for n in range(5)
    ]
    assert audit.verify().entries == 5


@in_database
def test_an_entry_goes_with_the_change_that_is_rolled_back():
    written(1)
    with transaction.atomic():
        audit.record("boss", "account.update", "account 9")
        transaction.set_rollback(True)
    assert audit.verify().entries == 1
    assert audit.verify().findings == ()


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": SECRET},
        {"nested": [{"apiSecret": SECRET}]},
        {"passphrase": SECRET, "api_secret_cipher": SECRET},
        SecretStr(SECRET),
        {"note": f"used api_key={SECRET} at noon"},
        f"postgres://me:{SECRET}@db/x",
    ],
)
@in_database
def test_secrets_never_reach_the_trail(value):
    entry = audit.record("boss", "keys.set", f"token={SECRET}", value, value)
    row = AuditEntry.objects.get(pk=entry.number)
    for text in (row.target, row.before, row.after):
        assert SECRET not in text


def test_what_is_told_of_a_key_stays():
    told = {"key_hint": "…abcd", "weight": Decimal("1.50"), "api_key": ""}
    assert audit.shown(told) == {"key_hint": "…abcd", "weight": "1.5", "api_key": ""}


# -- nothing may be changed -------------------------------------------------------------


@in_database
def test_altering_and_deleting_through_the_orm_is_refused():
    entry = written(2)[0]
    stored = AuditEntry.objects.get(pk=1)
    stored.actor = "somebody else"
    for act in (
        stored.save,
        stored.delete,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="x"),
        lambda: AuditEntry.objects.filter(pk=1).update(actor="x"),
        lambda: AuditEntry.objects.bulk_update([stored], ["actor"]),
        lambda: AuditEntry.objects.update_or_create(pk=1, defaults={"actor": "x"}),
        lambda: AuditEntry._base_manager.all().delete(),
        lambda: AuditEntry.objects.bulk_create([stored], ignore_conflicts=True),
    ):
        with pytest.raises(AppendOnly):
            act()
    assert AuditEntry.objects.get(pk=1).actor == "boss"


# -- tampering is found and named -------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["actor", "action", "target", "before", "after", "previous", "digest"]
)
@in_database
def test_an_altered_entry_is_found(field):
    written()
    sql(f"UPDATE core_auditentry SET {field} = 'x' WHERE number = 3")
    assert any(number == 3 and "altered" in what for number, what in whats())


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ((3,), (3, "is missing: removed")),
        ((2, 3, 4), (2, "is missing to #4: removed")),
        ((1,), (1, "is missing: removed")),
        ((6,), (6, "is missing: removed")),
        ((1, 2, 3, 4, 5, 6), (1, "is missing to #6: removed")),
    ],
)
@in_database
def test_a_removed_entry_is_found(gone, told):
    written()
    for number in gone:
        sql("DELETE FROM core_auditentry WHERE number = %s", number)
    assert whats() == {told}


@in_database
def test_entries_that_changed_places_are_found():
    written()
    for old, new in ((2, 99), (5, 2), (99, 5)):
        sql("UPDATE core_auditentry SET number = %s WHERE number = %s", new, old)
    assert whats() == {
        (2, "was written as #5: moved here"),
        (5, "was written as #2: moved here"),
    }


@in_database
def test_closing_up_after_a_removal_is_found():
    written()
    sql("DELETE FROM core_auditentry WHERE number = 3")
    for number in (4, 5, 6):
        sql(
            "UPDATE core_auditentry SET number = %s WHERE number = %s",
            number - 1,
            number,
        )
    assert (3, "was written as #4: moved here") in whats()
    assert (6, "is missing: removed") in whats()


@in_database
def test_an_entry_written_beside_the_chain_is_found():
    written(3)
    forged = AuditEntry(
        number=4, at=1, actor="x", action="x", target="x", before="", after=""
    )
    forged.digest = audit._digest(forged)
    forged.save()
    assert whats() == {(4, "stands beyond the end of the chain")}


@in_database
def test_a_chain_that_was_written_anew_is_found_by_a_digest_that_was_kept():
    kept = written()[3]
    sql("DELETE FROM core_auditentry")
    sql("DELETE FROM core_audithead")
    for n in range(6):
        audit.record("boss", "account.update", f"account {n}", {"weight": 7})
    assert whats() == set()
    anchor = (kept.number, kept.digest)
    assert whats(anchor=anchor) == {
        (4, "has another digest than the one that was kept")
    }


@in_database
def test_a_lost_end_is_told_for_good_although_the_trail_goes_on(caplog):
    """Whoever deletes the newest entries and the head with them leaves a mark."""
    written(5)
    sql("DELETE FROM core_auditentry WHERE number > 3")
    AuditHead.objects.all().delete()
    assert (3, "stands beyond the end of the chain") in whats()
    assert written(1)[0].number == 5
    assert "lost its head" in caplog.text
    mark = AuditEntry.objects.get(number=4)
    assert (mark.action, mark.after) == ("audit.head_lost", '{"goes_on_after":3}')
    written(3)
    assert whats() == {(4, "goes on after the chain had lost its end")}


@in_database
@pytest.mark.parametrize("most", [10, 1_000])
def test_a_trail_that_was_altered_all_over_costs_few_digests(monkeypatch, most):
    written(120)
    sql("UPDATE core_auditentry SET actor = 'nobody'")
    counted = []
    digest = audit._digest

    def counting(entry, number=None):
        counted.append(number)
        return digest(entry, number)

    monkeypatch.setattr(audit, "_digest", counting)
    monkeypatch.setattr(audit, "MOST_MOVED", most)
    found = audit.verify()
    assert len([one for one in found.findings if "was altered" in one.what]) == 120
    assert len(counted) <= 120 * 3 + min(most, 120) ** 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | texts,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        max_leaves=5,
    )
)
@in_database
def test_whatever_is_recorded_can_be_proved_afterwards(before):
    with transaction.atomic():
        audit.record("boss", "x", "y", before)
        assert audit.verify().findings == ()
        transaction.set_rollback(True)


# -- many at once -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_at_the_same_time_makes_one_chain():
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("threads share one connection of an in-memory database")
    problems = []

    def write(name):
        try:
            for n in range(5):
                audit.record(name, "x", f"{n}")
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert problems == []
    found = audit.verify()
    assert (found.entries, found.findings) == (20, ())


PROCESS = """
from core import audit
for turn in range(20):
    audit.record("p", "x", str(turn), None, {"turn": turn})
"""


@pytest.mark.slow
def test_several_processes_make_one_chain_on_sqlite(tmp_path):
    environ = {"QUANTAI_VAR": str(tmp_path / "var"), "PATH": os.environ["PATH"]}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run(
        [*manage, "migrate", "core", "--verbosity", "0"], env=environ, check=True
    )
    jobs = [
        subprocess.Popen(
            [*manage, "shell", "--no-imports", "-c", PROCESS],
            env=environ,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    assert [job.wait(60) for job in jobs] == [0, 0, 0]
    told = subprocess.run(
        [*manage, "audit", "verify"],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "60 entries, the chain is whole" in told.stdout


# -- reading ----------------------------------------------------------------------------


@in_database
def test_the_command_proves_and_names_what_is_wrong(capsys):
    entry = written(3)[-1]
    call_command("audit", "verify")
    assert f"the newest is 3:{entry.digest}" in capsys.readouterr().out
    call_command("audit", "verify", "--anchor", f"3:{entry.digest}")
    sql("UPDATE core_auditentry SET actor = 'x' WHERE number = 2")
    with pytest.raises(CommandError, match="3 entries, 1 findings"):
        call_command("audit", "verify")
    assert "#2 was altered" in capsys.readouterr().err


@in_database
def test_the_command_lists_the_newest_that_have_all_words(capsys):
    written(3)
    audit.record("eve", "keys.set", "account 1")
    call_command("audit", "list", "--search", "account 1 keys")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("#4 ")
    assert "eve keys.set account 1" in line
    call_command("audit", "list", "--limit", "2")
    assert len(capsys.readouterr().out.splitlines()) == 2


@in_database
def test_the_admin_shows_and_searches_the_trail_and_changes_nothing(admin_client):
    written(2)
    audit.record("eve", "keys.set", "account 7")
    page = admin_client.get("/admin/core/auditentry/?q=eve+keys").content.decode()
    assert "account 7" in page
    assert "account 0" not in page
    assert admin_client.get("/admin/core/auditentry/1/change/").status_code == 200
    assert admin_client.get("/admin/core/auditentry/add/").status_code == 403
    for path in ("1/change/", "1/delete/"):
        assert admin_client.post(f"/admin/core/auditentry/{path}").status_code == 403
    assert audit.verify().entries == 3
