"""Opening a store: a SQLite file is made whole, one process at a time, and a database that is down is told at once.

MLflow makes a new database in some hundred steps without a lock, so that two jobs that begin at once, or one that is
killed meanwhile, would leave one that no job can use; and it tries one that it cannot open for two minutes.
"""

import warnings
from pathlib import Path

from mlflow import MlflowClient
from sqlalchemy import NullPool, create_engine, text

from epitoma.files.atomic import renamed_when_whole
from epitoma.files.locks import locked
from epitoma.files.presence import is_there
from epitoma.tracking.address import DATABASES, sqlite_file, sqlite_uri

LIMIT_SECONDS = 120.0
"""How long to wait for another process that opens the store: it may be making it."""

BUSY_SECONDS = 5.0
"""How long to wait for another process that has a SQLite file locked."""


def opened(store: str) -> MlflowClient:
    """MLflow's client of a store.

    Raises:
        Exception: Of many types: the store cannot be opened.
    """
    with warnings.catch_warnings():
        # Libraries that make the tables of a new store may warn, of nothing that a person can act on.
        warnings.simplefilter("ignore")
        file = sqlite_file(store)
        if file is not None:
            return _opened_file(store, file)
        if store.startswith(DATABASES):
            _try(store)
        return MlflowClient(store)


def _opened_file(store: str, file: Path) -> MlflowClient:
    file.parent.mkdir(parents=True, exist_ok=True)
    with locked(file.with_name(f".{file.name}.lock"), limit_seconds=LIMIT_SECONDS) as is_ours:
        if not is_ours:
            raise TimeoutError(f"another process has been opening {file} for {LIMIT_SECONDS:.0f} s")
        if not is_there(file) or file.stat().st_size == 0:
            with renamed_when_whole(file) as aside:
                MlflowClient(sqlite_uri(aside))
        _try(store, timeout=BUSY_SECONDS)
        # Under the lock too: it changes the tables of a database of an earlier version.
        return MlflowClient(store)


def _try(store: str, **options: float) -> None:
    """Have the database answer once."""
    engine = create_engine(store, poolclass=NullPool, connect_args=options)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        if store.startswith("sqlite"):
            # What is no database, damaged or locked answers the line above.
            connection.execute(text("SELECT count(*) FROM sqlite_master"))
