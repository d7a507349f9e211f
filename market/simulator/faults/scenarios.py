"""Faults by the clock: a seed and timed steps, from a JSON or TOML file."""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from market.simulator.errors import SimulatorError
from market.simulator.faults.engine import Faults
from market.simulator.faults.fault import Fault

SHIPPED = Path(__file__).parents[1] / "scenarios"


class Step(BaseModel):
    """At ``at`` seconds arm a fault or disarm the one that was armed as ``name``.

    ``times`` > 1 repeats it ``every`` so many seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float = Field(0.0, ge=0)
    arm: Fault | None = None
    name: str = ""
    disarm: str = ""
    every: float = Field(0.0, ge=0)
    times: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.arm is None) == (not self.disarm):
            raise ValueError("a step arms a fault or disarms one")
        if self.times > 1 and not self.every:
            raise ValueError("times needs every")
        return self


class Scenario(BaseModel):
    """Steps on the real clock or on the simulated one, which runs ``speed`` faster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    says: str = ""
    seed: int | None = None
    clock: Literal["real", "simulated"] = "real"
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def seconds(self) -> float:
        """When the last step is due."""
        return max(at for at, _ in self.timeline())

    def timeline(self) -> Iterator[tuple[float, Step]]:
        """(seconds, step), repetitions one by one, in order."""
        yield from sorted(
            (
                (step.at + turn * step.every, step)
                for step in self.steps
                for turn in range(step.times)
            ),
            key=lambda entry: entry[0],
        )


async def play(scenario: Scenario, faults: Faults, *, speed: float) -> list[int]:
    """Play the steps at their times; the numbers of the faults that were armed."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    scale = speed if scenario.clock == "simulated" else 1.0
    if scenario.seed is not None:
        faults.reseed(scenario.seed)
    armed: list[int] = []
    named: dict[str, int] = {}
    for at, step in scenario.timeline():
        await asyncio.sleep(max(0.0, start + at / scale - loop.time()))
        if step.arm is not None:
            armed.append(faults.arm(step.arm))
            named[step.name or step.arm.kind] = armed[-1]
        elif step.disarm in named:
            faults.disarm(named[step.disarm])
        else:
            raise SimulatorError(f"nothing was armed as {step.disarm!r}")
    return armed


def load_scenario(where: str) -> Scenario:
    """A file, or the name of a shipped one. Raises SimulatorError when it is no good."""
    file = Path(where)
    if not file.suffix:
        file = SHIPPED / f"{where}.toml"
    try:
        if not file.exists():
            raise ValueError("there is no such scenario")
        text = file.read_text()
        data = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        return Scenario(**_named(data, file))
    except (OSError, ValueError) as error:
        problem = _problems(error) if isinstance(error, ValidationError) else str(error)
        names = ", ".join(sorted(entry.stem for entry in SHIPPED.glob("*.toml")))
        raise SimulatorError(f"{where}: {problem}; shipped are {names}") from error


def _named(data: dict[str, Any], file: Path) -> dict[str, Any]:
    return {"name": file.stem, **data}


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"
        for entry in error.errors()
    )
