"""Histories of losses: by chance, planted, and stormy."""

from market.patterns import Loss

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def by_chance(rng, *, until, per_hour=1.0, spans=None):
    """Losses at a constant rate while observed; ages as they come."""
    losses, last = [], 0
    for start, end in spans or [(0, until)]:
        at = start
        while (at := at + rng.expovariate(per_hour / HOUR)) < end:
            losses.append(Loss(int(at), "market-1", (at - last) / 1000))
            last = at
    return losses


def planted(rng, *, times, jitter):
    """Losses at these times, each up to ``jitter`` ms later; ages unknown."""
    return [Loss(at + rng.randrange(jitter), "market-1") for at in times]
