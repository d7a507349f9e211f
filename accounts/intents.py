"""Asking the trader for something, and waiting for its answer.

An intent is a row; waking the trader only makes it quick. Whoever asks twice with one
idempotency key gets the first intent back, and a refusal when it asks for something
else. Without a living trader nothing is written: nobody would know when it is sent.
"""

import asyncio
import hashlib
import logging
import time
import uuid
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from accounts.intent_documents import KINDS, IntentResult, Payload, document
from accounts.models import Intent, Order
from accounts.models.orders import FINAL_STATES, IntentState
from core import bell, control, wire
from core import redis as core_redis
from core.clock import now_ms
from core.errors import BusUnavailable, Conflict, InvalidInput, Retryable
from core.leases import living

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
# A trader that is busy must take an intent within this time, or nobody does.
TAKE_SECONDS = 10.0
LOOK_SECONDS = 1.0
BLIND_LOOK_SECONDS = 0.1
KEY_LENGTH = 80
NOBODY = "no trader is running; start one (./quantai up, or manage run_trader)"
# Deleted in one transaction, and by one call.
PRUNED, PRUNED_AT_MOST = 500, 10_000
OPEN_STATES = (IntentState.WAITING.value, IntentState.TAKEN.value)


class TraderAbsent(Retryable):
    """No trader shows life, so nothing was asked for."""


def worker_name(venue: str) -> str:
    """Return the name under which the trader of a venue is woken."""
    return f"trader-{venue}"


def job(venue: str) -> str:
    """Return the name of the leases that traders hold: shares of the accounts."""
    return f"trader:{venue}"


def trader_alive(venue: str) -> bool:
    """Return True while a trader shows life; raises ``BusUnavailable``."""
    try:
        with core_redis.sync_client() as redis:
            return bool(living(redis, job(venue), LEASE_SECONDS))
    except core_redis.UNAVAILABLE as error:
        raise BusUnavailable(f"no trader can be asked: {error}") from error


# -- asking ---------------------------------------------------------------------------


def intent_submit(
    *,
    payload: Payload,
    actor: str,
    source: str = "page",
    venue: str = "",
    idempotency_key: str = "",
    take_seconds: float = TAKE_SECONDS,
) -> Intent:
    """Ask the trader; returns the intent, an earlier one of the same key included.

    ``actor`` is the user name whose role the trader asks for. Raises ``TraderAbsent``,
    ``BusUnavailable``, ``InvalidInput``, and ``Conflict`` when the key was used for
    another request.
    """
    venue = venue or settings.QUANTAI.site.exchange
    if len(idempotency_key) > KEY_LENGTH:
        raise InvalidInput(
            "idempotency_key", idempotency_key, f"has more than {KEY_LENGTH} characters"
        )
    stored = document(payload)
    digest = request_hash(venue, payload)
    earlier = _earlier(actor, idempotency_key, digest)
    if earlier is not None:
        return earlier
    if not trader_alive(venue):
        raise TraderAbsent(NOBODY)
    now = now_ms()
    intent = Intent(
        venue=venue,
        kind=KINDS[type(payload)].value,
        payload=stored,
        source=source,
        actor=actor,
        idempotency_key=idempotency_key,
        request_hash=digest,
        created_at=now,
        deadline=now + int(take_seconds * 1000),
    )
    try:
        with transaction.atomic():
            intent.save(force_insert=True)
    except IntegrityError:
        # Somebody with the same key was quicker by a moment.
        earlier = _earlier(actor, idempotency_key, digest)
        if earlier is None:
            raise
        return earlier
    transaction.on_commit(lambda: _wake(venue))
    return intent


def request_hash(venue: str, payload: Payload) -> str:
    """Return what tells two requests apart."""
    whole = {"venue": venue, "kind": KINDS[type(payload)], "payload": document(payload)}
    return hashlib.sha256(wire.encode(whole)).hexdigest()


def _earlier(actor: str, key: str, digest: str) -> Intent | None:
    if not key:
        return None
    found = Intent.objects.filter(actor=actor, idempotency_key=key).first()
    if found is not None and found.request_hash != digest:
        raise Conflict("idempotency_key", key, "was used for another request")
    return found


def key_used(*, actor: str, key: str) -> bool:
    """Whether the actor asked for something with this key before."""
    return Intent.objects.filter(actor=actor, idempotency_key=key).exists()


def _wake(venue: str) -> None:
    try:
        control.wake_sync(worker_name(venue), "intent")
    except core_redis.UNAVAILABLE as error:
        log.warning("the trader finds the intent by itself: %s", error)


# -- waiting --------------------------------------------------------------------------


def intent_wait(intent_id: uuid.UUID, timeout: float) -> Intent:
    """Return the intent once it has ended, or as it is after ``timeout`` seconds.

    Without Redis the row is looked at ten times a second. Raises
    ``Intent.DoesNotExist``.
    """
    until = time.monotonic() + timeout
    with core_redis.sync_client() as redis:
        while True:
            intent = intent_look(intent_id)
            left = until - time.monotonic()
            if intent.state not in OPEN_STATES or left <= 0:
                return intent
            try:
                bell.hear_sync(redis, bell_name(intent_id), min(left, LOOK_SECONDS))
            except core_redis.UNAVAILABLE:
                time.sleep(min(left, BLIND_LOOK_SECONDS))


async def intent_wait_async(intent_id: uuid.UUID, timeout: float) -> Intent:  # noqa: ASYNC109 - what runs out is the wait, not the intent
    """Return what ``intent_wait`` does, inside an event loop."""
    until = time.monotonic() + timeout
    redis = core_redis.client()
    try:
        while True:
            intent: Intent = await database_sync_to_async(intent_look)(intent_id)
            left = until - time.monotonic()
            if intent.state not in OPEN_STATES or left <= 0:
                return intent
            try:
                await bell.hear(redis, bell_name(intent_id), min(left, LOOK_SECONDS))
            except core_redis.UNAVAILABLE:
                await asyncio.sleep(min(left, BLIND_LOOK_SECONDS))
    finally:
        await redis.aclose()


def intent_look(intent_id: uuid.UUID) -> Intent:
    """Return the row; one that nobody took in time ends here as expired."""
    intent = Intent.objects.get(id=intent_id)
    if intent.state == IntentState.WAITING.value and intent.deadline < now_ms():
        text = "no trader took it in time; nothing was sent"
        _end_where(intent, IntentState.WAITING, IntentState.EXPIRED, text)
    return intent


def bell_name(intent_id: uuid.UUID) -> str:
    """Return the bell that is rung when the intent has ended."""
    return f"intent:{intent_id}"


# -- the trader's side ----------------------------------------------------------------


def intents_waiting(*, venue: str, limit: int = 100) -> list[Intent]:
    """Return what waits, oldest first; what nobody took in time ends as expired."""
    rows = Intent.objects.filter(venue=venue, state=IntentState.WAITING.value)
    found = []
    for intent in rows.order_by("created_at")[:limit]:
        if intent.deadline < now_ms():
            text = "no trader took it in time; nothing was sent"
            _end_where(intent, IntentState.WAITING, IntentState.EXPIRED, text)
        else:
            found.append(intent)
    return found


def intent_take(*, intent: Intent, trader: str) -> bool:
    """Claim an intent; False when somebody else was quicker."""
    now = now_ms()
    rows = Intent.objects.filter(
        id=intent.id, state=IntentState.WAITING.value, deadline__gte=now
    )
    values = {"state": IntentState.TAKEN.value, "taken_at": now, "taken_by": trader}
    if not rows.update(**values):
        return False
    for name, value in values.items():
        setattr(intent, name, value)
    return True


def intents_taken(*, venue: str) -> list[Intent]:
    """Return what a trader took and has not answered."""
    rows = Intent.objects.filter(venue=venue, state=IntentState.TAKEN.value)
    return list(rows.order_by("created_at"))


def intent_end(*, intent: Intent, state: IntentState, result: IntentResult) -> bool:
    """Store the answer; ring ``bell_name`` afterwards. False when it had ended."""
    values: dict[str, Any] = {
        "state": state.value,
        "result": document(result),
        "ended_at": now_ms(),
    }
    rows = Intent.objects.filter(id=intent.id, state=IntentState.TAKEN.value)
    if not rows.update(**values):
        return False
    for name, value in values.items():
        setattr(intent, name, value)
    return True


def _end_where(
    intent: Intent, before: IntentState, after: IntentState, text: str
) -> None:
    result = document(IntentResult(message=text))
    rows = Intent.objects.filter(id=intent.id, state=before.value)
    rows.update(state=after.value, result=result, ended_at=now_ms())
    intent.refresh_from_db()


def intents_prune(*, venue: str, before_ms: int) -> int:
    """Delete intents that ended before ``before_ms``; returns how many.

    Those that the audit trail does not tell of yet stay, and those of which an order
    is still open. One call deletes ``PRUNED_AT_MOST``.
    """
    alive = Order.objects.filter(parent__intent=OuterRef("pk"))
    alive = alive.exclude(state__in=[one.value for one in FINAL_STATES])
    # What ended so long ago was created before that: an index finds it.
    old = Intent.objects.filter(
        ~Exists(alive),
        venue=venue,
        state__in=[one.value for one in IntentState if one.value not in OPEN_STATES],
        created_at__lt=before_ms,
        ended_at__lt=before_ms,
        audited=True,
    )
    gone = 0
    while gone < PRUNED_AT_MOST:
        part = list(old.order_by("created_at").values_list("id", flat=True)[:PRUNED])
        if not part:
            break
        gone += Intent.objects.filter(id__in=part).delete()[0]
    return gone
