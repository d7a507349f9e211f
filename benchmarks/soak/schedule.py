"""When which fault strikes: a function of the wishes and the seed, nothing else."""

import math
import random
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.soak.recipes import (
    ENDS_LIFE,
    LONGEST,
    RECIPES,
    SHORTEST,
    SLOW_SECONDS,
    Recipe,
)

LEAD_SECONDS: Final = 2.0
TAIL_SECONDS: Final = 4.0
LEAST_GAP_SECONDS: Final = 4.0
FAULTS_PER_HOUR: Final = 9
FEWEST: Final = 12
# What is noticed after a minute only fits into runs that have some.
SLOW_RUN_SECONDS: Final = 300.0
ONE_CONNECTION: Final = 0.7


@dataclass(frozen=True)
class Wish:
    """What a soak is asked for: simulated hours at a speed, and how many faults.

    Raises ``ValueError`` for what cannot be.
    """

    hours: float
    speed: float
    seed: int
    faults: int = 0
    overlap: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.hours <= 1000:
            raise ValueError(f"hours {self.hours:g}: must be above 0, at most 1000")
        if not 1 <= self.speed <= 600:
            raise ValueError(f"speed {self.speed:g}: must be from 1 to 600")
        if self.faults < 0:
            raise ValueError(f"faults {self.faults}: must not be negative")
        if self.capacity < max(1, self.faults):
            raise ValueError(
                f"{self.faults or 1} faults do not fit into {self.seconds:.0f} real "
                f"seconds ({self.hours:g} h at speed {self.speed:g}): at most "
                f"{self.capacity}"
            )

    @property
    def seconds(self) -> float:
        """Real seconds of the run."""
        return self.hours * 3600 / self.speed

    @property
    def capacity(self) -> int:
        """How many faults have room."""
        room = self.seconds - LEAD_SECONDS - TAIL_SECONDS
        return max(0, int(room / self.least_gap))

    @property
    def least_gap(self) -> float:
        """Real seconds between the beginnings of two faults, at least."""
        return LEAST_GAP_SECONDS / (2 if self.overlap else 1)

    @property
    def count(self) -> int:
        """How many faults there will be."""
        usual = max(FEWEST, math.ceil(self.hours * FAULTS_PER_HOUR))
        return self.faults or min(usual, self.capacity)


@dataclass(frozen=True)
class Planned:
    """One fault: begins ``at`` real seconds after the start and lasts ``seconds``.

    ``pick`` (0 to 1) chooses one of the connections that are open then; None leaves
    the choice to ``options``. ``options`` are those of the simulator's fault.
    """

    number: int
    at: float
    kind: str
    seconds: float
    options: dict[str, Any] = field(default_factory=dict)
    pick: float | None = None
    recipe: Recipe = field(default=RECIPES[0], compare=False, repr=False)

    def __str__(self) -> str:
        told = [f"{name}={value}" for name, value in self.options.items()]
        if self.seconds:
            told.append(f"for {self.seconds:g} s")
        return " ".join([self.kind, *told])


def plan(wish: Wish, symbols: list[str]) -> list[Planned]:
    """Return the faults of a run, in order."""
    rng = random.Random(f"soak:{wish.seed}")
    deck = Deck(rng)
    room = wish.seconds - LEAD_SECONDS - TAIL_SECONDS
    gap = room / wish.count
    slack = min(gap - wish.least_gap, gap / 4)
    found = []
    for number in range(wish.count):
        at = LEAD_SECONDS + number * gap + rng.random() * slack
        recipe = deck.draw(at, wish.seconds)
        found.append(_make(rng, number + 1, at, recipe, symbols))
    return found


class Deck:
    """Cards of all kinds, shuffled; taken until it is empty, then a new one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._cards: list[Recipe] = []

    def draw(self, at: float, seconds: float) -> Recipe:
        """Take the first card that may be played ``at`` so far into the run."""
        for _ in range(2):
            for index, card in enumerate(self._cards):
                if _may_come(card, at, seconds):
                    return self._cards.pop(index)
            self._cards += self._shuffled()
        raise AssertionError("a full deck has a card for every moment")

    def _shuffled(self) -> list[Recipe]:
        cards = [recipe for recipe in RECIPES for _ in range(recipe.weight)]
        self._rng.shuffle(cards)
        return cards


def _may_come(recipe: Recipe, at: float, seconds: float) -> bool:
    if recipe.slow:
        return seconds >= SLOW_RUN_SECONDS and at < seconds - SLOW_SECONDS
    # The second half is one life of the feed, long enough to see whether it grows.
    return recipe.kind not in ENDS_LIFE or at < seconds / 2


def _make(
    rng: random.Random, number: int, at: float, recipe: Recipe, symbols: list[str]
) -> Planned:
    options = recipe.draw(rng, symbols)
    pick: float | None = None
    if recipe.one_of_many or recipe.with_cut:
        chance, where = rng.random(), rng.choice(({}, {"route": "market"}))
        if chance < ONE_CONNECTION:
            pick = rng.random()
        elif recipe.one_of_many:
            options |= where
    seconds = round(recipe.lasts * rng.uniform(SHORTEST, LONGEST), 2)
    return Planned(number, round(at, 2), recipe.kind, seconds, options, pick, recipe)
