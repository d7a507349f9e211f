"""An installation of its own with real processes: Redis, database, workers, beat."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg

from tests.redis_server import RedisServer
from training.search import Search, chains, close, history_of
from training.search_storage import place
from training.study_spec import StudySpec

ROOT = Path(__file__).resolve().parents[3]
QUICK = {
    "TRAINING_HEARTBEAT_SECONDS": "1",
    "TRAINING_GRACE_SECONDS": "3",
    "TRAINING_LOOK_SECONDS": "1",
    "TRAINING_NICE": "0",
}
PREPARE = """
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
"""
CREATE = """
import json
from training import services
from training.study_spec import StudySpec
spec = StudySpec.from_dict(json.loads({spec!r}))
study = services.study_create(venue="simulator", name={name!r}, spec=spec, actor="test")
print(json.dumps([study.id, study.optuna_name]))
"""


class Installation:
    """Use as a context manager; whatever it started ends with it."""

    def __init__(self, folder, *, database_url="", **environ):
        self.var = Path(folder) / "var"
        self.database_url = database_url
        self.redis = RedisServer(Path(folder) / "redis")
        keep = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        }
        self.environ = {
            **keep,
            **QUICK,
            "DJANGO_SETTINGS_MODULE": "tests.training.processes.settings",
            "QUANTAI_VAR": str(self.var),
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis.url,
            "OMP_NUM_THREADS": "1",
            **environ,
        }
        self.processes = []
        self._prepared = False

    def __enter__(self):
        self.redis.start()
        return self

    def __exit__(self, *error):
        found = [
            psutil.Process(one.pid) for one in self.processes if one.poll() is None
        ]
        found += [below for one in found for below in one.children(recursive=True)]
        for process in found:
            if process.is_running():
                process.kill()
        for process in self.processes:
            process.wait(10)
        self.redis.stop()

    def prepare(self):
        if not self._prepared:
            self.manage("migrate", "-v0")
            self._prepared = True

    def study(self, spec, name="sleep"):
        """Migrate and make a study; returns its id and its search."""
        code = CREATE.format(spec=json.dumps(spec), name=name)
        if not self._prepared:
            code, self._prepared = PREPARE + code, True
        said = self.manage("shell", "-v0", "-c", code)
        number, optuna_name = json.loads(said.splitlines()[-1])
        where = place(own="", database_url=self.database_url, var=self.var)
        return number, Search(where, optuna_name, StudySpec.from_dict(spec))

    def manage(self, *arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def start(self, *arguments, environ=None, **kwargs):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environ | (environ or {}),
            **kwargs,
        )
        self.processes.append(process)
        return process

    def worker(self, number):
        return self.start("manage.py", "run_worker", f"--name=worker-{number}")

    def beat(self):
        arguments = ("--queue=default", "--name=beat", "--beat")
        return self.start("manage.py", "run_worker", *arguments)

    def rows(self, query):
        """Rows of the installation's own database."""
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                done = connection.execute(query)
                return done.fetchall() if done.description else []
        with sqlite3.connect(self.var / "quantai.sqlite3", timeout=10) as connection:
            return connection.execute(query).fetchall()

    def running(self, study_id):
        """Pids of the processes that train, by the number of their trial."""
        query = (
            "SELECT number, pid FROM training_trial "
            f"WHERE state = 'running' AND study_id = {study_id}"
        )
        return {
            number: pid for number, pid in self.rows(query) if psutil.pid_exists(pid)
        }

    def study_state(self, study_id):
        query = f"SELECT state FROM training_study WHERE id = {study_id}"
        return self.rows(query)[0][0]


def until(ask, seconds=60.0, what=""):
    """Return the first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not in time: {what or ask}"
        time.sleep(0.2)
    return answer


def ended(process, seconds=20.0):
    """Whether a process (a pid that may be nobody's child here) ends in time."""
    try:
        psutil.Process(process).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def verdict(study, trials):
    """Assert that every wanted trial has one result, whatever was killed."""
    found = study.get_trials(deepcopy=False)
    close(study)
    states = [one.state.name for one in found]
    assert not {"RUNNING", "WAITING"} & set(states), states
    assert states.count("COMPLETE") == trials, states
    assert [one.number for one in found] == list(range(len(found)))
    by_first = chains(found)
    assert len(by_first) == trials
    for chain in by_first.values():
        assert [one.state.name for one in chain] == [
            *["FAIL"] * (len(chain) - 1),
            "COMPLETE",
        ]
        for at, one in enumerate(chain):
            assert history_of(one) == [before.number for before in chain[:at]]
    return by_first
