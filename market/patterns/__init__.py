"""Losses that come back: see ``search`` for the question and its threshold."""

from market.patterns.search import OCCASIONS, THRESHOLD, find_patterns
from market.patterns.types import Loss, Pattern, PatternKind

__all__ = [
    "OCCASIONS",
    "THRESHOLD",
    "Loss",
    "Pattern",
    "PatternKind",
    "find_patterns",
]
