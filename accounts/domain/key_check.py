"""Whether an API key may trade with, and nothing more dangerous than that. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "failed", "unknown"]

DAY_MS = 86_400_000
# A permission to trade that ends so soon is told.
SOON_MS = 14 * DAY_MS
MODES = {False: "one-way", True: "hedge"}


@dataclass(frozen=True)
class Restrictions:
    """What the exchange says of the key; ``expires_at`` None: never (ms)."""

    reading: bool
    futures: bool
    withdrawals: bool
    transfers: bool
    ip_restricted: bool
    expires_at: int | None = None


@dataclass(frozen=True)
class Answer:
    """What was answered. ``refusal``: the key was not accepted at all, and why.

    ``restrictions`` None: the venue does not tell. ``hedge`` and ``can_trade`` are the
    account's, None when not told.
    """

    restrictions: Restrictions | None = None
    can_trade: bool | None = None
    hedge: bool | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in words for a person."""

    name: str
    level: Level
    text: str


@dataclass(frozen=True)
class Verdict:
    """``passed``: nothing failed, and nothing that must be known is not."""

    passed: bool
    can_trade: bool
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "findings": [asdict(one) for one in self.findings]}


def judge(
    answer: Answer, *, wanted_hedge: bool, now_ms: int, real_money: bool
) -> Verdict:
    """Judge a key; with ``real_money`` what the venue does not tell counts against it."""
    if answer.refusal:
        refused = Finding("accepted", "failed", f"refused: {answer.refusal}")
        return Verdict(passed=False, can_trade=False, findings=(refused,))
    findings = (
        Finding("accepted", "ok", "the exchange accepts the key"),
        *_permissions(answer.restrictions, now_ms),
        _account(answer),
        _position_mode(answer, wanted_hedge=wanted_hedge),
    )
    bad = {"failed", "unknown"} if real_money else {"failed"}
    trading = answer.can_trade is not False and (
        answer.restrictions is None or answer.restrictions.futures
    )
    return Verdict(
        passed=not any(one.level in bad for one in findings),
        can_trade=trading,
        findings=findings,
    )


def _permissions(told: Restrictions | None, now_ms: int) -> tuple[Finding, ...]:
    if told is None:
        text = "this venue does not tell what the key may do"
        return (Finding("permissions", "unknown", text),)
    return (
        _wanted("reading", "read the account", given=told.reading),
        _wanted("futures", "trade futures", given=told.futures),
        _unwanted("withdrawals", "failed", "withdraw", given=told.withdrawals),
        _unwanted("transfers", "warning", "move money away", given=told.transfers),
        Finding("ip", "ok", "only given addresses may use the key")
        if told.ip_restricted
        else Finding("ip", "failed", "any address may use the key: restrict it"),
        _expiry(told.expires_at, now_ms),
    )


def _wanted(name: str, what: str, *, given: bool) -> Finding:
    if given:
        return Finding(name, "ok", f"the key may {what}")
    return Finding(name, "failed", f"the key may not {what}")


def _unwanted(name: str, level: Level, what: str, *, given: bool) -> Finding:
    if given:
        return Finding(name, level, f"the key may {what}: take that from it")
    return Finding(name, "ok", f"the key may not {what}")


def _expiry(expires_at: int | None, now_ms: int) -> Finding:
    if expires_at is None:
        return Finding("expiry", "ok", "the key does not expire")
    days = (expires_at - now_ms) / DAY_MS
    if days <= 0:
        return Finding("expiry", "failed", "the permission to trade has expired")
    text = f"the permission to trade ends in {days:.1f} days"
    soon = expires_at - now_ms < SOON_MS
    return Finding("expiry", "warning" if soon else "ok", text)


def _account(answer: Answer) -> Finding:
    if answer.can_trade is None:
        return Finding("account", "unknown", "not told whether the account may trade")
    if answer.can_trade:
        return Finding("account", "ok", "the account may trade")
    return Finding("account", "failed", "the account may not trade")


def _position_mode(answer: Answer, *, wanted_hedge: bool) -> Finding:
    if answer.hedge is None:
        return Finding("position_mode", "unknown", "the position mode is not told")
    here, there = MODES[wanted_hedge], MODES[answer.hedge]
    if here == there:
        return Finding("position_mode", "ok", f"the account is in {there} mode")
    text = f"the account is in {there} mode, here it is {here}: change one"
    return Finding("position_mode", "failed", text)
