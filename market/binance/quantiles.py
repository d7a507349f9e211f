"""Quantiles of small samples."""

from collections.abc import Iterable


def quantile(values: Iterable[float], share: float) -> float | None:
    """Return the nearest-rank quantile of ``values``, or None when there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
