"""The trail of who changed what: append-only, each entry chained to the one before.

``record`` belongs at the end of the transaction that makes the change: both are kept or
neither is, and the chain is locked only until that transaction ends. Nothing that an
order waits for may call it; who writes for orders does so afterwards, many at once.

The digest covers number, time, actor, action, target, before, after and the previous
digest. Whoever can write to the database can compute a whole new chain; the digests in
the logs (one line per entry) are the copy to compare with: ``audit verify --anchor``.
"""

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from pydantic import SecretStr

from core.fields import plain
from core.logs import MASK, masked
from core.models import AuditEntry, AuditHead

log = logging.getLogger(__name__)

ONLY_ROW = 1
SECRET_NAMES = re.compile(
    r"secret|cipher|password|passphrase|token|api_?key|private_?key|signature"
    r"|listen_?key|master_?key",
    re.IGNORECASE,
)
# So many entries that do not fit their place are compared with each other's places.
MOST_MOVED = 300
HEAD_LOST = "audit.head_lost"
MOST_TOLD = 500


@dataclass(frozen=True)
class Change:
    """What one entry tells; ``before`` and ``after`` are plain values or mappings."""

    actor: str
    action: str
    target: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Finding:
    """Something wrong with the trail at one number."""

    number: int
    what: str


@dataclass(frozen=True)
class Verification:
    """The result of reading the whole trail: its head, and what is wrong."""

    entries: int
    number: int
    digest: str
    findings: tuple[Finding, ...]


# -- writing --------------------------------------------------------------------------


def record(
    actor: str, action: str, target: str, before: Any = None, after: Any = None
) -> AuditEntry:
    """Add one entry; call it last in the transaction of the change.

    ``action`` is a word such as ``account.update``, ``target`` names the thing.
    Secrets are masked: fields with such names, ``SecretStr``, and what logs mask.
    """
    return record_many([Change(actor, action, target, before, after)])[0]


@transaction.atomic
def record_many(changes: Iterable[Change]) -> list[AuditEntry]:
    """Add entries in this order under one lock."""
    head, lost = _head_locked()
    entries: list[AuditEntry] = []
    for change in (*lost, *changes):
        entry = AuditEntry(
            number=head.number + 1,
            at=time.time_ns() // 1_000_000,
            actor=change.actor,
            action=change.action,
            target=masked(change.target)[:200],
            before=_text(change.before),
            after=_text(change.after),
            previous=head.digest,
        )
        entry.digest = _digest(entry)
        head.number, head.digest = entry.number, entry.digest
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)
    head.save()
    transaction.on_commit(lambda: _tell(entries))
    return entries[len(lost) :]


def _head_locked() -> tuple[AuditHead, list[Change]]:
    """Lock the end of the chain; SQLite's immediate transactions are its lock.

    Where it was lost, the newest entries may be gone with it: the change to return is
    the entry that says so for good.
    """
    AuditHead.objects.get_or_create(pk=ONLY_ROW)
    head = AuditHead.objects.select_for_update().get(pk=ONLY_ROW)
    if head.number:
        return head, []
    last = AuditEntry.objects.order_by("-number").first()
    if last is None:
        return head, []
    log.error("the audit trail had lost its head; it goes on at #%d", last.pk)
    head.number, head.digest = last.number, last.digest
    told = {"goes_on_after": last.number}
    return head, [Change("audit", HEAD_LOST, "audit trail", None, told)]


def _tell(entries: Iterable[AuditEntry]) -> None:
    for entry in entries:
        log.info("audit %s: %s", entry, entry.digest)


def _digest(entry: AuditEntry, number: int | None = None) -> str:
    told = [
        entry.number if number is None else number,
        *(entry.at, entry.actor, entry.action, entry.target),
        *(entry.before, entry.after, entry.previous),
    ]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()


def _text(value: Any) -> str:
    return orjson.dumps(shown(value), option=orjson.OPT_SORT_KEYS).decode()


def shown(value: Any) -> Any:
    """Return plain JSON values with every secret masked."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, Mapping):
        return {
            str(key): MASK if given and SECRET_NAMES.search(str(key)) else shown(given)
            for key, given in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [shown(item) for item in value]
    if isinstance(value, Enum):
        return shown(value.value)
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() else str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return masked(str(value))


# -- reading --------------------------------------------------------------------------


def entries(*, search: str = "") -> "QuerySet[AuditEntry]":
    """Return entries, newest first; ``search`` looks in all that they tell."""
    rows: QuerySet[AuditEntry] = AuditEntry.objects.all()
    for word in search.split():
        rows = rows.filter(
            Q(actor__icontains=word)
            | Q(action__icontains=word)
            | Q(target__icontains=word)
            | Q(before__icontains=word)
            | Q(after__icontains=word)
        )
    return rows


def verify(*, anchor: tuple[int, str] | None = None) -> Verification:
    """Read the whole trail and tell what was altered, removed, moved or added.

    ``anchor`` is a number and its digest as a log or a note has kept them.
    """
    head = AuditHead.objects.filter(pk=ONLY_ROW).first() or AuditHead()
    reading = _Reading()
    rows = AuditEntry.objects.filter(number__lte=head.number).order_by("number")
    for entry in rows.iterator():
        reading.take(entry)
    found = [*reading.findings, *_moved(reading.broken)]
    found += _end(reading, head)
    found += [
        Finding(number, "stands beyond the end of the chain")
        for number in _beyond_the_head()
    ]
    if anchor is not None:
        found += _against(*anchor)
    found.sort(key=lambda one: one.number)
    return Verification(reading.count, head.number, head.digest, tuple(found))


class _Reading:
    """Walks over entries by number and keeps what does not fit."""

    def __init__(self) -> None:
        self.count = 0
        self.number, self.digest, self.whole = 0, "", True
        self.findings: list[Finding] = []
        self.broken: list[AuditEntry] = []

    def take(self, entry: AuditEntry) -> None:
        expected = self.number + 1
        if entry.number > expected:
            self.findings.append(_missing(expected, entry.number - 1))
        whole = _digest(entry) == entry.digest
        follows = entry.previous == self.digest
        if entry.action == HEAD_LOST:
            self.findings.append(
                Finding(entry.number, "goes on after the chain had lost its end")
            )
        if not whole:
            self._keep(entry)
        elif self.whole and entry.number == expected and not follows:
            self.findings.append(
                Finding(entry.number, "does not follow the entry before it")
            )
        self.count += 1
        self.number, self.digest, self.whole = entry.number, entry.digest, whole

    def _keep(self, entry: AuditEntry) -> None:
        if len(self.broken) < MOST_MOVED:
            self.broken.append(entry)
        else:
            self.findings.append(_judged(entry, ()))


def _missing(first: int, last: int) -> Finding:
    until = "" if first == last else f" to #{last}"
    return Finding(first, f"is missing{until}: removed")


def _moved(broken: list[AuditEntry]) -> Iterator[Finding]:
    """Tell entries that were written under another number from altered ones."""
    numbers = [entry.number for entry in broken]
    for entry in broken:
        yield _judged(entry, numbers)


def _judged(entry: AuditEntry, numbers: Sequence[int]) -> Finding:
    was = next(
        (n for n in _near(entry, numbers) if _digest(entry, n) == entry.digest), None
    )
    if was is None:
        return Finding(entry.number, f"was altered: {entry}")
    return Finding(entry.number, f"was written as #{was}: moved here")


def _near(entry: AuditEntry, numbers: Sequence[int]) -> Iterator[int]:
    """Yield where it may have stood: next to its place (all moved up), else anywhere."""
    yield from (entry.number + 1, entry.number - 1)
    yield from numbers


def _end(reading: _Reading, head: AuditHead) -> Iterator[Finding]:
    if reading.number < head.number:
        yield _missing(reading.number + 1, head.number)
    elif reading.digest != head.digest:
        yield Finding(head.number, "is not what the end of the chain says")


def _beyond_the_head() -> list[int]:
    """One statement: an entry that is added meanwhile brings its head along."""
    end = AuditHead.objects.filter(pk=ONLY_ROW).values("number")
    rows = AuditEntry.objects.filter(number__gt=Coalesce(Subquery(end), 0))
    return list(rows.order_by("number").values_list("number", flat=True)[:MOST_TOLD])


def _against(number: int, digest: str) -> Iterator[Finding]:
    entry = AuditEntry.objects.filter(number=number).first()
    if entry is None:
        yield Finding(number, "is missing although its digest was kept")
    elif entry.digest != digest:
        yield Finding(number, "has another digest than the one that was kept")
