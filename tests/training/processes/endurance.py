"""Workers that are killed while they search: ``python -m tests.training.processes.endurance``.

``--kills 20`` kills trials, pool children and workers in turn, at random moments, with a
seed; ``--scaling`` compares one worker with two. On a PostgreSQL of its own.
"""

import argparse
import itertools
import random
import tempfile
import time
from pathlib import Path

import psutil

from tests import postgres
from tests.training.processes.installation import Installation, kill, until, verdict

KINDS = ("trial", "pool child", "worker")


class Workers:
    """Workers of an installation that come back when they are killed, as under ``up``."""

    def __init__(self, installation, count, study_id):
        self._installation, self._study_id = installation, study_id
        self._alive = {}
        for number in range(1, count + 1):
            self._alive[number] = installation.worker(number)

    def revive(self):
        for number, process in self._alive.items():
            if process.poll() is not None:
                self._alive[number] = self._installation.worker(number)

    def hit_one(self, kind, dice):
        """Kill until somebody is hit whose trial had not ended; returns its number."""
        while True:
            number = self.kill_one(kind, dice)
            if number is not None:
                until(lambda number=number: number not in self._running(), 30, kind)
            self.revive()
            if number is not None and self._state(number) != "complete":
                return number

    def _running(self):
        return self._installation.running(self._study_id)

    def _state(self, number):
        query = (
            "SELECT state FROM training_trial "
            f"WHERE study_id = {self._study_id} AND number = {number}"
        )
        return self._installation.rows(query)[0][0]

    def kill_one(self, kind, dice):
        """Kill somebody who is at work; returns the pid of the trial it concerned."""
        number, pid = until(lambda: list(self._running().items()), 60)[0]
        try:
            trial = psutil.Process(pid)
            pool_child = trial.parent()
            victim = {
                "trial": trial,
                "pool child": pool_child,
                "worker": pool_child.parent(),
            }[kind]
            time.sleep(dice.random())
            kill(victim.pid)
        except (psutil.NoSuchProcess, ProcessLookupError, AttributeError):
            return None
        return number


def search(installation, *, workers, trials, kills=(), epoch=0.3, epochs=4, seed=1):
    """Run a study to its end; returns its chains, and how long it took."""
    spec = {
        "trials": trials,
        "workers": workers,
        "pruner": "none",
        "max_retry": 10,
        "space": {"model.dropout": {"low": 0.0, "high": 0.5}},
        "train": {"epochs": epochs, "learning_rate": epoch},
    }
    study_id, found = installation.study(spec)
    dice = random.Random(seed)
    began = time.monotonic()
    installation.beat()
    crowd = Workers(installation, workers, study_id)
    hit = [(kind, crowd.hit_one(kind, dice)) for kind in kills]
    patience = 60 + 10 * trials * epochs * epoch / workers
    until(lambda: installation.study_state(study_id) == "complete", patience, "study")
    took = time.monotonic() - began
    left = installation.rows(
        "SELECT number FROM training_trial WHERE state IN ('running', 'waiting')"
    )
    assert left == []
    return verdict(found.open(), trials), took, hit


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epoch", type=float, default=0.3, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scaling", action="store_true")
    given = parser.parse_args()
    kills = list(itertools.islice(itertools.cycle(KINDS), given.kills))
    sizes = (1, 2) if given.scaling else (given.workers,)
    times = []
    for workers in sizes:
        with (
            tempfile.TemporaryDirectory() as folder,
            postgres.cluster(postgres.programs()) as url,
            Installation(Path(folder), database_url=url) as made,
        ):
            by_first, took, hit = search(
                made,
                workers=workers,
                trials=given.trials,
                kills=[] if given.scaling else kills,
                epoch=given.epoch,
                seed=given.seed,
            )
        times.append(took)
        repeated = sum(len(chain) - 1 for chain in by_first.values())
        print(
            f"{workers} workers, {len(by_first)} trials complete in {took:.1f} s; "
            f"{len(hit)} kills, {repeated} repetitions"
        )
    if given.scaling:
        print(f"two workers are {times[0] / times[1]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
