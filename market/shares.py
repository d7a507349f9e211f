"""Which symbols this feed follows when several feeds share the venue.

Every symbol belongs to one of ``SHARES`` shares for ever; feeds lease shares. One that
joins gets shares of the others, which go on with them for one lease more, so that
nothing is missed while the new owner subscribes. The owner of share 0 leads: it does
what is to be done once per venue.
"""

import hashlib
import logging
import re
from functools import lru_cache

from core import redis as core_redis
from core.clock import Clock
from core.errors import NameTaken
from core.leases import Holding, Leases, Member

log = logging.getLogger(__name__)

FIRST = "feed"
NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
SHARES = 32
ALL = frozenset(range(SHARES))
LEASE_SECONDS = 5.0
BEAT_SECONDS = 1.0


@lru_cache(maxsize=4096)
def share_of(symbol: str) -> int:
    """Return the share that a symbol belongs to."""
    digest = hashlib.blake2b(symbol.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % SHARES


def job(venue: str) -> str:
    """Return the name under which feeds share a venue."""
    return f"feed:{venue}"


def feed_name(text: str) -> str:
    """Return ``text`` if a feed can be called so; raises ``ValueError``."""
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r}: up to 16 of a–z, 0–9 and -, beginning with a–z")
    return text


def prefix(feed: str) -> str:
    """Return what connections of this feed have before their names."""
    return "" if feed == FIRST else feed


def feed_of(connection: str) -> str:
    """Return the name of the feed that has a connection."""
    feed, dot, _ = connection.partition(".")
    return feed if dot else FIRST


class Shares:
    """The shares of one feed; ``beat`` once a second.

    Without Redis a feed keeps what it has. One that has never reached Redis follows
    everything after one lease: rather twice than not at all.
    """

    def __init__(self, leases: Leases, clock: Clock) -> None:
        self._leases = leases
        self._clock = clock
        self._held: frozenset[int] = frozenset()
        self._leaving: dict[int, float] = {}
        self._seen: frozenset[int] = frozenset()
        self._began = clock.monotonic()
        self._claim_at = self._began
        self._away = False
        self._refused = ""
        self._reached = False
        self.admitted = False
        self.members: tuple[Member, ...] = (leases.member,)
        self._inherited: set[Member] = set()

    @property
    def member(self) -> Member:
        """This feed among the others."""
        return self._leases.member

    @property
    def name(self) -> str:
        """This feed's name."""
        return self.member.name

    @property
    def followed(self) -> frozenset[int]:
        """The shares that are held, and those that are being handed over."""
        return self._held | self._leaving.keys()

    @property
    def leads(self) -> bool:
        """True for the one feed that does what is done once."""
        return 0 in self._held

    @property
    def alone(self) -> bool:
        """True when no other feed is known."""
        return len(self.members) <= 1

    def owns(self, symbol: str) -> bool:
        """Return True when the symbol is followed here."""
        return share_of(symbol) in self.followed

    async def beat(self, *, ready: bool = True) -> bool:
        """Show life; returns True when ``followed`` is another than at the last call.

        One that is not ``ready`` only looks who is there: the others would leave it
        shares that it could not serve yet.
        """
        try:
            await (self._ask() if ready else self._look())
            self._reached = True
        except NameTaken as error:
            self._reached = True
            self._stand_by(str(error))
        except core_redis.UNAVAILABLE as error:
            self._go_on_alone(error)
        now = self._clock.monotonic()
        self._leaving = {
            share: until
            for share, until in self._leaving.items()
            if until > now and share not in self._held
        }
        before, self._seen = self._seen, self.followed
        return self._seen != before

    async def _look(self) -> None:
        others = await self._leases.others()
        for other in others:
            if other.name == self.name:
                raise NameTaken(other.where)
        self._away, self._refused, self.admitted = False, "", True
        self.members = (*others, self.member)

    async def _ask(self) -> None:
        now = self._clock.monotonic()
        claim = not self._away and now >= self._claim_at
        holding = await self._leases.beat(self._held, claim=claim)
        if self._away:
            # The others come back too and take again what they follow.
            self._claim_at = now + self._leases.seconds
        self._away, self._refused = False, ""
        self._take(holding)
        extra = sorted(self._held)[holding.quota :]
        await self._leases.release(extra)
        self._held -= set(extra)
        self._leaving |= dict.fromkeys(extra, now + self._leases.seconds)

    def _take(self, holding: Holding) -> None:
        taken_away = self._held - holding.held
        if taken_away:
            log.warning("%d shares were taken over by others", len(taken_away))
        self.admitted = True
        for share, before in holding.taken.items():
            if before is not None and share not in self.followed:
                self._inherited.add(before)
        self._held, self.members = holding.held, holding.members

    def _stand_by(self, other: str) -> None:
        if self._refused != other:
            log.warning("%s is alive: waiting until it ends", other)
        self._refused = other
        self._held = frozenset()

    def _go_on_alone(self, error: Exception) -> None:
        self._away = True
        waited = self._clock.monotonic() - self._began
        if not self._reached and not self._held and waited >= self._leases.seconds:
            log.error("no Redis to share the streams by, following all: %s", error)
            self._held = ALL
            self.admitted = True

    def heirloom(self) -> list[Member]:
        """Return the dead feeds whose shares were taken since the last call."""
        found, self._inherited = sorted(self._inherited, key=str), set()
        return found

    async def leave(self) -> None:
        """Leave everything to the others at once."""
        self._held, self._leaving = frozenset(), {}
        await self._leases.leave()
