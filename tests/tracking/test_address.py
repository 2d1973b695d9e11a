"""Store addresses: quoted where a path needs it, and refused in one line where they can never be a store."""

import sqlite3
from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError
from epitoma.files.local_paths import RAY_JOB
from epitoma.tracking.address import check_store, sqlite_file, sqlite_uri, store_uri
from epitoma.tracking.lifecycle import tracked_run
from tests.tracking.stored import runs_in


@pytest.mark.parametrize("name", ["plain", "a b", "a%20b", "feature%2Flogin", "a?b", "a#b", "a;b@c:d&e+é"])
def test_a_file_has_an_address_that_leads_back_to_it(name: str):
    file = Path("/runs") / name / "mlflow.db"
    assert sqlite_file(sqlite_uri(file)) == file


def test_a_plain_path_has_the_address_that_runs_remember(tmp_path: Path):
    assert store_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("name", ["a%20b", "feature%2Flogin", "a?b", "a#b"])
def test_runs_below_any_folder_are_kept_there_and_nowhere_else(runs: Path, tmp_path: Path, name: str, capsys):
    place = tmp_path / "below" / name
    place.mkdir(parents=True)
    (runs / "mlflow.db").rename(place / "mlflow.db")
    note = tmp_path / "note.txt"
    note.write_text("hello")
    with tracked_run(place / "one", params={"a": 1}) as tracker:
        tracker.artifact(note)
    (run,) = runs_in(place)
    assert run.info.status == "FINISHED"
    assert [each.name for each in (tmp_path / "below").iterdir()] == [name]
    assert [each.read_text() for each in place.rglob("mlartifacts/**/note.txt")] == ["hello"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("./mlruns", "no http:// or sqlite:/// before it"),
        ("/data/mlruns", "no http:// or sqlite:/// before it"),
        ("file:///data/mlruns", "no longer keeps runs in plain folders"),
        ("mlflow.example.org", "no http:// or sqlite:/// before it"),
        ("localhost:5000", "begin with localhost:"),
        ("htp://me:secret@localhost:5000", "begin with htp:"),
        ("s3://bucket/runs", "begin with s3:"),
        ("http:///api", "names no host"),
        ("sqlite://runs/mlflow.db", "begins with sqlite:///"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///{folder}/notes.txt", "is no database (file is not a database)"),
        ("postgresql://there/runs", "No module named 'psycopg"),
        ("mysql+nothing://there/runs", "sqlalchemy.dialects:mysql.nothing"),
    ],
)
def test_an_address_that_can_never_be_a_store_is_refused(tmp_path: Path, monkeypatch, store: str, why: str):
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at as one\n" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.format(folder=tmp_path))
    with pytest.raises(ConfigError) as refusal:
        check_store(tmp_path)
    assert str(refusal.value).startswith("MLFLOW_TRACKING_URI is ")
    assert why in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "store", ["http://localhost:1", "https://there/mlflow", "databricks", "sqlite:////{folder}/new/mlflow.db"]
)
def test_a_store_that_may_be_there_later_is_not_refused(tmp_path: Path, monkeypatch, store: str):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.format(folder=tmp_path))
    check_store(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_file_is_refused_where_it_would_be_lost(runs: Path, monkeypatch):
    monkeypatch.chdir(runs)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    check_store(runs)
    monkeypatch.setenv(RAY_JOB, "{}")
    with pytest.raises(ConfigError, match=r"mlflow\.db is relative, and would be gone with Ray's copy"):
        check_store(runs)


def test_a_store_that_is_locked_is_not_refused(runs: Path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{runs}/mlflow.db")
    holder = sqlite3.connect(runs / "mlflow.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    check_store(runs)
    holder.close()


def test_the_folder_of_runs_is_not_looked_at(tmp_path: Path, monkeypatch):
    """What is wrong with a store of our own is no mistake of typing: the run goes on, and says so."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_text("damaged" * 1000)
    check_store(tmp_path)
