"""What became of each fault and of each lost connection; pure.

Times are ms since the epoch of this machine's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.soak.watch import Sample

# What the product itself tells when something is wrong.
LOSSES = frozenset({"disconnected", "failed", "fatal"})
SIGNS = LOSSES | {
    *("silent", "lost", "resubscribed", "refused"),
    *("rotated", "rotation_failed", "flapping"),
}
SLOW_SIGNS = frozenset({"silent", "lost", "resubscribed", "rotated"})


@dataclass(frozen=True)
class Window:
    """A fault's time: armed, ended, and until when what is seen is put down to it.

    Recovery is looked for until ``horizon``, which is later when faults overlap.
    A fault that makes one ``stream`` fall silent is told by the events that name it,
    and other faults strike meanwhile: for those, ``spare`` streams may be missing.
    """

    armed: int
    ended: int
    until: int
    horizon: int
    stream: str = ""
    spare: int = 0


@dataclass(frozen=True)
class Outcome:
    """``sign`` is the first thing that told of the fault, "" when nothing did.

    ``interrupted`` says whether streams were not live. ``recovered_ms`` counts from
    the fault's end to all streams live, 0 when they were so then; None when they were
    not within the window.
    """

    sign: str
    detected_ms: int | None
    recovered_ms: int | None
    interrupted: bool


def judge(
    window: Window,
    samples: Sequence[Sample],
    events: Sequence[dict[str, Any]],
    gaps: Sequence[tuple[int, str]],
    streams: int,
) -> Outcome:
    """Return what became of a fault; ``gaps`` are (detected at, what) of the ledger."""
    signs = [
        (event["at"], event["kind"])
        for event in events
        if window.armed <= event["at"] < window.until and _counts(event, window)
    ]
    seen = [each for each in samples if window.armed <= each.at < window.horizon]
    bad = [at for at, kind in signs if kind in LOSSES or window.stream]
    if not window.stream:
        poor = _poor(window, seen, streams)
        signs += [(each.at, each.state) for each in poor]
        bad += [max(each.told, window.armed) if each.told else each.at for each in poor]
    signs += [gap for gap in gaps if window.armed <= gap[0] < window.until]
    first = min(signs, default=None)
    return Outcome(
        first[1] if first else "",
        first[0] - window.armed if first else None,
        _recovered(window, bad, seen, streams),
        interrupted=bool(bad),
    )


def _counts(event: dict[str, Any], window: Window) -> bool:
    if window.stream:
        return event["kind"] in SLOW_SIGNS and window.stream in event["reason"]
    return event["kind"] in SIGNS


def _poor(window: Window, seen: list[Sample], streams: int) -> list[Sample]:
    """The samples that show less than everything while the fault counts."""
    return [
        each
        for each in seen
        if each.at < window.until
        and (each.told >= window.armed or each.stale)
        and not each.whole(streams, window.spare)
    ]


def _recovered(
    window: Window, bad: list[int], seen: Sequence[Sample], streams: int
) -> int | None:
    last = max(bad, default=0)
    if last == 0 and any(each.told > window.ended for each in seen):
        return 0
    # Reports come once a second: the first one after the last trouble.
    for sample in seen:
        fresh = sample.told > max(last, window.ended)
        if fresh and sample.whole(streams, window.spare):
            return sample.told - window.ended if last else 0
    return None


@dataclass(frozen=True)
class Reconnects:
    """Interruptions of connections, and dials made to end them.

    An interruption lasts from the loss until data flows again, however many dials
    that takes. Those that a killed feed took along are not among them.
    """

    interruptions: int
    ended: int
    dials: int
    dials_with_data: int
    seconds: tuple[float, ...]

    @property
    def success_rate(self) -> float | None:
        """Ended interruptions of all, 0 to 1."""
        return self.ended / self.interruptions if self.interruptions else None


def reconnects(
    events: Sequence[dict[str, Any]], feed_kills: Sequence[int]
) -> Reconnects:
    """Follow every connection through its events."""
    open_since: dict[str, int] = {}
    kills = sorted(feed_kills)
    interruptions = ended = dials = with_data = 0
    seconds: list[float] = []
    for event in sorted(events, key=lambda each: (each["at"], each["id"])):
        at, name, kind = event["at"], event["connection"], event["kind"]
        while kills and kills[0] <= at:
            kills.pop(0)
            interruptions -= len(open_since)
            open_since.clear()
        if kind == "disconnected":
            dials += name in open_since
            if name not in open_since:
                open_since[name] = at
                interruptions += 1
        elif kind == "connected" and name in open_since:
            ended += 1
            dials += 1
            with_data += 1
            seconds.append((at - open_since.pop(name)) / 1000)
    return Reconnects(interruptions, ended, dials, with_data, tuple(seconds))
