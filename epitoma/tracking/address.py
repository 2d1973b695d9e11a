"""Addresses of stores: where runs are tracked, and which of them are wrong, whatever a store would say."""

import os
import re
import sqlite3
from contextlib import closing
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from epitoma.core.errors import ConfigError, first_line
from epitoma.files.local_paths import is_in_ray_job
from epitoma.files.presence import is_file, is_folder
from epitoma.files.uris import without_secrets

VARIABLE = "MLFLOW_TRACKING_URI"
STORE_FILE = "mlflow.db"
DATABASES = ("postgresql", "mysql", "mssql")
"""What MLflow can keep runs in beside SQLite, as addresses begin."""

_NEEDS_QUOTES = re.compile("[%?#]")
_SQLITE = re.compile(r"sqlite(\+\w+)?:///(?P<path>[^?]+)")


def store_uri(runs: Path) -> str:
    """Where runs are tracked: MLFLOW_TRACKING_URI, or else a SQLite file in the folder of runs."""
    return os.environ.get(VARIABLE) or sqlite_uri((runs / STORE_FILE).resolve())


def sqlite_uri(file: Path) -> str:
    """Address of a SQLite file, whatever its path."""
    if not _NEEDS_QUOTES.search(str(file)):
        return f"sqlite:///{file}"
    # With the driver's name, because MLflow makes the folders of a plain ``sqlite:`` address as they are quoted.
    return f"sqlite+pysqlite:///{quote(str(file))}"


def sqlite_file(store: str) -> Path | None:
    """The file of a SQLite store; None where the store is something else."""
    found = _SQLITE.match(store)
    return Path(unquote(found["path"])) if found and found["path"] != ":memory:" else None


def check_store(runs: Path) -> None:
    """Refuse a MLFLOW_TRACKING_URI that can never be a store, before any work is done.

    What only the store can say is no reason to refuse: it may be down now and up later.

    Raises:
        ConfigError: It is none.
    """
    store = store_uri(runs)
    wrong = _wrong(store) if os.environ.get(VARIABLE) else None
    if wrong is not None:
        raise ConfigError(
            f"{VARIABLE} is {without_secrets(store)}: {wrong}; give an MLflow server (http://HOST:PORT) "
            f"or a database (sqlite:////FOLDER/{STORE_FILE}), or leave it unset"
        )


def _wrong(store: str) -> str | None:
    """What is wrong with an address, if anything is."""
    scheme = urlsplit(store).scheme.lower()
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        return _wrong_sqlite(store)
    if kind in DATABASES:
        return _wrong_database(store)
    if scheme in ("http", "https"):
        return None if urlsplit(store).hostname else "it names no host"
    if scheme in ("", "file"):
        return _wrong_folder(store)
    if store.startswith("databricks") or scheme in _plugged_in():
        return None
    return f"MLflow has no stores whose addresses begin with {scheme}:"


def _plugged_in() -> set[str]:
    return {each.name for each in entry_points(group="mlflow.tracking_store")}


def _wrong_folder(store: str) -> str | None:
    if store == "databricks" or os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
        return None
    return "it has no http:// or sqlite:/// before it, and MLflow no longer keeps runs in plain folders"


def _wrong_sqlite(store: str) -> str | None:
    file = sqlite_file(store)
    if file is None:
        return "a file's address begins with sqlite:///, and with sqlite://// where its path is absolute"
    if is_in_ray_job() and not file.is_absolute():
        return f"{file} is relative, and would be gone with Ray's copy of the working directory"
    if is_folder(file):
        return f"{file} is a folder"
    return _not_a_database(file) if is_file(file) else None


def _not_a_database(file: Path) -> str | None:
    try:
        # By SQLite: to open and close the file in another way would free the locks that this process has on it.
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=1)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        return None  # It may be locked for a while, for example: the store itself will say.
    except sqlite3.DatabaseError as error:
        return f"{file} is no database ({first_line(error)})"
    return None


def _wrong_database(store: str) -> str | None:
    # Imported here, because only stores of this kind need it.
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    try:
        create_engine(store)
    except (ImportError, ArgumentError) as error:
        return first_line(error)
    return None
