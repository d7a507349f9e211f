"""Optuna's storage: where it lies, how it is opened, how its users take turns.

No framework, no torch. PostgreSQL keeps it in a schema of its own, SQLite in a file.
"""

import contextlib
import fcntl
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

log = logging.getLogger(__name__)

SCHEMA = "optuna"
# Any number; the same for all who create tables and trials.
LOCK = 7_301_522_905
WAIT_SECONDS = 60

OnStale = Callable[[optuna.Study, FrozenTrial], None]


class NothingWaits(Exception):
    """No trial is left to run; more than were asked for are not made."""


@dataclass(frozen=True)
class Place:
    """Where the storage lies, as SQLAlchemy wants it; ``file`` of an SQLite one."""

    url: str
    connect: dict[str, Any]
    file: Path | None = None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the right to create tables and trials; the others wait.

        It ends with the process that holds it.
        """
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.with_suffix(".lock").open("w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            return
        engine = sqlalchemy.create_engine(
            self.url, connect_args=self.connect, poolclass=sqlalchemy.NullPool
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
            yield


def place(*, own: str, database_url: str, var: Path) -> Place:
    """Return the place for a storage URL of its own, else beside the database."""
    url = own or database_url
    if not url or (not own and url.startswith("sqlite:")):
        url = f"sqlite:///{var / 'optuna.sqlite3'}"
    if url.startswith("sqlite:"):
        file = Path(url.removeprefix("sqlite:///")).absolute()
        return Place(f"sqlite:///{file}", {"timeout": WAIT_SECONDS}, file)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options = f"{query.pop('options', '')} -csearch_path={SCHEMA}".strip()
    changed = parts._replace(scheme="postgresql+psycopg", query=urlencode(query))
    return Place(urlunsplit(changed), {"options": options, "connect_timeout": 10})


class TrialStorage(RDBStorage):
    """Optuna's tables; hands out waiting trials and makes none by itself."""

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        """Optuna comes without a template when no trial waits."""
        if template_trial is None:
            raise NothingWaits
        return super()._create_new_trial(study_id, template_trial)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Before a trial is claimed it shows life: no running one is without."""
        if state == TrialState.RUNNING:
            super().record_heartbeat(trial_id)
        return super().set_trial_state_values(trial_id, state, values)

    def record_heartbeat(self, trial_id: int) -> None:
        """Show life; a database that is away for a moment ends no heartbeat."""
        try:
            super().record_heartbeat(trial_id)
        except StorageInternalError as error:
            log.warning("heartbeat of a trial not written: %s", error)


def open_storage(
    where: Place, *, heartbeat: int, grace: int, on_stale: OnStale | None = None
) -> TrialStorage:
    """Open the storage and create its tables where they are missing. Times in s."""
    with where.lock(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if where.file is None:
            _create_schema(where)
        storage = TrialStorage(
            where.url,
            engine_kwargs={"connect_args": where.connect, "pool_pre_ping": True},
            heartbeat_interval=heartbeat,
            grace_period=grace,
            heartbeat_stale_trial_callback=on_stale,
        )
    if where.file is not None:
        _let_writers_wait(storage.engine)
    return storage


def _create_schema(where: Place) -> None:
    engine = sqlalchemy.create_engine(
        where.url, connect_args=where.connect, poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")


def _let_writers_wait(engine: sqlalchemy.Engine) -> None:
    """SQLite refuses at once a transaction that reads and then writes beside another;
    one that says so at its beginning waits.
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def begin_by_hand(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    # Connections made before the listeners.
    engine.dispose()
