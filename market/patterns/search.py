"""Losses that come back: at a minute of the hour, an hour of the day, or an age.

Losses within a minute of each other are one occasion, however many connections they
took. Two questions are asked, each answered by a probability under chance:

Clock (minute of the hour, hour of the day). Time is cut into periods backwards from the
end of the observation. If a period's n occasions fall anywhere in its observed time, a
window with share w of that time holds one with probability 1 − (1 − w)^n, independently
of other periods; the number of periods whose window is hit is then a sum of unequal coins
(Poisson-binomial), computed exactly. A hundred losses in one hour count as one hour.

Age. Around the age of each occasion a narrow window is compared with its
neighbourhood (half to one and a half times the age). Whatever is memoryless, or a
mixture of such things, has a convex density of ages, and the middle of a neighbourhood
never holds more than its share of a convex density: a binomial tail bounds chance.

Every occasion is tried as the place of a window, so each probability is multiplied by
the number of occasions and of the windows and look-backs tried (Bonferroni). What is
below ``THRESHOLD`` and happened at least ``OCCASIONS`` times is a pattern.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from market.patterns import ages, clock
from market.patterns.types import Loss, Occasion, Pattern, PatternKind, Span

THRESHOLD = 0.001
OCCASIONS = 4
MERGE_MS = 60_000
LOOKBACKS = (8 * 3600, 86_400, 7 * 86_400, 30 * 86_400)
PER_KIND = 3
SAME_SHARE = 0.8
TRIED = (clock.TRIED + ages.TRIED) * len(LOOKBACKS)


def find_patterns(
    losses: Iterable[Loss], *, observed: Sequence[Span]
) -> tuple[Pattern, ...]:
    """Return what recurs among the losses.

    ``observed`` are the times (from, to before, ms; in order, apart from each other) in
    which a loss would have been seen; losses outside are not looked at. The strongest
    pattern comes first; what another one explains (its times are the other's) is left
    out.
    """
    spans = [span for span in observed if span[0] < span[1]]
    if not spans:
        return ()
    occasions = merge(
        loss for loss in losses if any(a <= loss.at < b for a, b in spans)
    )
    until = spans[-1][1]
    found: list[Pattern] = []
    for seconds in _lookbacks(spans):
        since = until - int(seconds * 1000)
        recent = [item for item in occasions if item.at >= since]
        if len(recent) < OCCASIONS:
            continue
        seen = [(max(a, since), b) for a, b in spans if b > since]
        for kind in clock.CLOCKS:
            found += _repeatedly(recent, partial(clock.strongest, kind, observed=seen))
        found += _repeatedly(recent, partial(ages.strongest, seconds=seconds))
    return _distinct(found)


def _repeatedly(
    occasions: Sequence[Occasion],
    strongest: Callable[[Sequence[Occasion]], Pattern | None],
) -> list[Pattern]:
    """Return patterns until none is left; each takes its occasions away."""
    left = list(occasions)
    found: list[Pattern] = []
    while len(left) >= OCCASIONS and len(found) < PER_KIND:
        best = strongest(left)
        if best is None or best.occasions < OCCASIONS:
            break
        chance = best.p_value * len(left) * TRIED
        if chance >= THRESHOLD:
            break
        found.append(replace(best, p_value=chance))
        inside = set(best.times)
        left = [item for item in left if item.at not in inside]
    return found


def merge(losses: Iterable[Loss]) -> list[Occasion]:
    """Return occasions: losses within a minute of the first one are one."""
    groups: list[list[Loss]] = []
    for loss in sorted(losses, key=lambda item: item.at):
        if groups and loss.at - groups[-1][0].at < MERGE_MS:
            groups[-1].append(loss)
        else:
            groups.append([loss])
    return [
        Occasion(
            group[0].at,
            next((i.age_seconds for i in group if i.age_seconds is not None), None),
            tuple(sorted({item.connection for item in group})),
        )
        for group in groups
    ]


def _lookbacks(spans: Sequence[Span]) -> list[float]:
    """Return how far to look back; what is longer than known is cut to that."""
    known = (spans[-1][1] - spans[0][0]) / 1000
    return sorted({min(float(item), known) for item in LOOKBACKS})


def _distinct(found: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """Keep the strongest of what tells of the same times.

    What happens daily also happens at one minute of the hour, and what happens hourly
    also at one age: the longer clock comes first, and explains what it covers.
    """
    order = list(PatternKind)
    kept: list[Pattern] = []
    for item in sorted(found, key=lambda p: (order.index(p.kind), p.p_value)):
        if not any(_same(item, other) for other in kept):
            kept.append(item)
    return tuple(sorted(kept, key=lambda item: item.p_value))


def _same(item: Pattern, other: Pattern) -> bool:
    common = len(set(item.times) & set(other.times))
    least = len(item.times)
    if item.kind is other.kind:
        least = min(least, len(other.times))
    return common >= SAME_SHARE * least
