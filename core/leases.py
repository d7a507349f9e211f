"""Shares of one job among processes: each share has one owner, who must show life.

Redis holds two keys per job: the members by their last sign of life (on Redis's own
clock) and the owner of each share. A share belongs to its owner while the owner's
sign of life is younger than the lease; whoever beats next may take what the dead
left. One script decides, so no two members can own a share.
"""

import logging
import math
import os
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from core.errors import NameTaken
from core.redis import UNAVAILABLE, key

log = logging.getLogger(__name__)

# TIME inside a script that writes needs effects replication, the default since Redis 5.
_BEAT = """
local me, name, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local count, claim = tonumber(ARGV[4]), ARGV[5] == '1'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - lease)
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if other ~= me and string.sub(other, 1, #name) == name then
    return {'taken', other}
  end
end
-- One that comes back with shares takes those first: the others come back too.
if #ARGV > 5 and not redis.call('ZSCORE', KEYS[1], me) then claim = false end
redis.call('ZADD', KEYS[1], now, me)
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
local alive = {}
for _, member in ipairs(members) do alive[member] = true end
local quota = math.ceil(count / #members)
local keep = {}
for i = 6, #ARGV do keep[tonumber(ARGV[i])] = true end
local held, free = {}, {}
for share = 0, count - 1 do
  local owner = redis.call('HGET', KEYS[2], share)
  if owner == me then
    held[#held + 1] = share
  elseif not (owner and alive[owner]) then
    if keep[share] then
      redis.call('HSET', KEYS[2], share, me)
      held[#held + 1] = share
    else
      free[#free + 1] = {share, owner or ''}
    end
  end
end
local taken = {}
for _, pair in ipairs(free) do
  if not claim or #held >= quota then break end
  redis.call('HSET', KEYS[2], pair[1], me)
  held[#held + 1] = pair[1]
  taken[#taken + 1] = pair[1]
  taken[#taken + 1] = pair[2]
end
return {'ok', quota, members, held, taken}
"""

_RELEASE = """
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
"""


@dataclass(frozen=True)
class Member:
    """One process: ``name`` as configured, ``run`` new at every start.

    ``place`` names the set of process ids that ``pid`` belongs to, empty if unknown.
    """

    name: str
    host: str
    pid: int
    run: str
    place: str = ""

    @classmethod
    def here(cls, name: str, run: str) -> "Member":
        """Return this process as a member."""
        return cls(name, socket.gethostname(), os.getpid(), run, _place())

    def __str__(self) -> str:
        return "|".join((self.name, self.host, str(self.pid), self.run, self.place))

    @classmethod
    def parse(cls, text: str) -> "Member":
        """Read what ``str`` wrote."""
        name, host, pid, run, place = text.split("|")
        return cls(name, host, int(pid), run, place)

    @property
    def where(self) -> str:
        """Name, process and machine, for people."""
        return f"{self.name} (process {self.pid} on {self.host})"

    @property
    def is_gone(self) -> bool:
        """True when its process is known to have ended."""
        return bool(self.place) and self.place == _place() and _ended(self.pid)


def _ended(pid: int) -> bool:
    """Whether a process is gone, or dead and waits for its parent to notice."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    # The name before the state may hold anything, also brackets.
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


@cache
def _place() -> str:
    """Name what process ids are unique in: one boot of a machine, one namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return ""


@dataclass(frozen=True)
class Holding:
    """The answer to one sign of life.

    ``taken`` names, for shares that are new, the member that held them before: one
    that is gone, or None. ``quota`` is the most that one of ``members`` is to hold.
    """

    held: frozenset[int]
    taken: dict[int, Member | None]
    members: tuple[Member, ...]
    quota: int


class Leases:
    """One member's side of the leases of ``job``, which has ``count`` shares."""

    def __init__(
        self,
        redis: "AsyncRedis",
        job: str,
        member: Member,
        *,
        count: int,
        seconds: float,
    ) -> None:
        self.member = member
        self.count = count
        self.seconds = seconds
        self._redis = redis
        self._members = key("leases", job, "members")
        self._owners = key("leases", job, "owners")

    async def beat(self, keep: Iterable[int] = (), *, claim: bool = True) -> Holding:
        """Show life and learn what is held.

        Shares in ``keep`` are taken again unless a living member has them; with
        ``claim`` others that nobody holds are taken up to the quota. Members whose
        processes are gone are not waited for. Raises ``NameTaken``, or what redis-py
        raises when the server is away.
        """
        arguments = [int(claim), *sorted(keep)]
        answer = await self._ask(arguments)
        if await self._bury(answer):
            answer = await self._ask(arguments)
        if answer[0] == b"taken":
            raise NameTaken(Member.parse(answer[1].decode()).where)
        _, quota, members, held, taken = answer
        return Holding(
            frozenset(held),
            dict(zip(taken[::2], map(_member, taken[1::2]), strict=True)),
            tuple(cast(Member, _member(raw)) for raw in members),
            quota,
        )

    async def _ask(self, arguments: list[int]) -> list[Any]:
        answer: list[Any] = await self._redis.eval(
            _BEAT,
            2,
            self._members,
            self._owners,
            str(self.member),
            f"{self.member.name}|",
            math.ceil(self.seconds * 1000),
            self.count,
            *arguments,
        )
        return answer

    async def _bury(self, answer: list[Any]) -> bool:
        """Take dead members of an answer off the list; returns True if there were any."""
        seen = [answer[1]] if answer[0] == b"taken" else answer[2]
        gone = [raw for raw in seen if Member.parse(raw.decode()).is_gone]
        if gone:
            await self._redis.zrem(self._members, *gone)
        return bool(gone)

    async def others(self) -> list[Member]:
        """Return the other living members, without being one oneself."""
        clock = await cast(Any, self._redis.time())
        since = _milliseconds(clock) - self.seconds * 1000
        found = await self._redis.zrangebyscore(self._members, since, "+inf")
        return [each for each in _living(cast(Any, found)) if each != self.member]

    async def release(self, shares: Collection[int]) -> None:
        """Leave these shares to others."""
        if shares:
            member = str(self.member)
            await self._redis.eval(_RELEASE, 1, self._owners, member, *shares)

    async def leave(self) -> None:
        """Be a member no longer: everything is free at once."""
        await self.release(range(self.count))
        await self._redis.zrem(self._members, str(self.member))

    async def leave_or_expire(self) -> None:
        """Leave; without Redis what is held becomes free when the lease runs out."""
        try:
            await self.leave()
        except UNAVAILABLE as error:
            log.warning("the lease runs out by itself: %s", error)


def living(redis: Redis, job: str, seconds: float) -> list[Member]:
    """Return the members whose last sign of life is younger than the lease."""
    since = _milliseconds(cast(Any, redis.time())) - seconds * 1000
    found = redis.zrangebyscore(key("leases", job, "members"), since, "+inf")
    return _living(cast(Any, found))


def _milliseconds(clock: tuple[int, int]) -> int:
    """Convert the answer of TIME: seconds and microseconds."""
    return clock[0] * 1000 + clock[1] // 1000


def _living(found: list[bytes]) -> list[Member]:
    members = [Member.parse(raw.decode()) for raw in found]
    return [member for member in members if not member.is_gone]


def _member(raw: bytes) -> Member | None:
    return Member.parse(raw.decode()) if raw else None
