"""Real SQLite stores: several processes begin one, and those that are locked, damaged or of another MLflow."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from epitoma.tracking.journal import Journal
from epitoma.tracking.lifecycle import send_the_rest, tracked_run
from epitoma.tracking.run_tracker import RunTracker
from tests.tracking.stored import runs_in

BEGIN = (
    "import sys, time; from pathlib import Path; from epitoma.tracking.lifecycle import tracked_run\n"
    "import epitoma.tracking.sender\n"
    "runs, name = Path(sys.argv[1]), sys.argv[2]\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "with tracked_run(runs / name, params={'a': name}) as tracker: tracker.metrics({'m': 1.0}, step=0)\n"
)


@pytest.mark.long
def test_jobs_that_begin_at_once_in_a_new_folder_all_find_their_store(tmp_path: Path):
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN, str(tmp_path / "runs"), f"job{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        for number in range(4)
    ]
    for job in jobs:
        assert job.stdout.readline() == "ready\n"
    said = [job.communicate("\n", timeout=120)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0] * 4
    assert said == [""] * 4
    assert sorted(run.info.run_name for run in runs_in(tmp_path / "runs")) == ["job0", "job1", "job2", "job3"]
    assert {run.info.status for run in runs_in(tmp_path / "runs")} == {"FINISHED"}


def said_of(runs: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a person hears of a run there, which must end as it should."""
    with tracked_run(runs / "one", params={"a": 1}) as tracker:
        tracker.metrics({"m": 1.0}, step=0)
    assert len(Journal(runs / "one").pending()) == 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(f"then send them by epitoma report sync --run {runs / 'one'}")
    return lines


def test_a_store_that_is_locked_at_the_start_is_told_later(runs: Path, capsys, monkeypatch):
    monkeypatch.setattr("epitoma.tracking.opening.BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(runs / "mlflow.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        lines = said_of(runs, capsys)
    assert "cannot be used ((sqlite3.OperationalError) database is locked)" in lines[1]
    assert f"end what holds {runs / 'mlflow.db'}" in lines[1]
    assert send_the_rest(runs / "one") == 4
    assert [run.info.status for run in runs_in(runs)] == ["FINISHED"]


def test_a_store_that_is_locked_in_the_middle_loses_nothing_and_prints_nothing(
    runs: Path, capfd, monkeypatch
):
    monkeypatch.setattr("epitoma.tracking.outage.RETRY_SECONDS", 0.0)
    with tracked_run(runs / "one", params={}) as tracker:
        _wait_briefly(tracker)
        with closing(sqlite3.connect(runs / "mlflow.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            tracker.metrics({"m": 1.0}, step=0)
            assert len(tracker.journal.pending()) == 1
        tracker.metrics({"m": 2.0}, step=1)
        assert tracker.journal.pending() == []
    assert capfd.readouterr().err == ""
    (run,) = runs_in(runs)
    assert (run.data.metrics, run.info.status) == ({"m": 2.0}, "FINISHED")


def _wait_briefly(tracker: RunTracker) -> None:
    """MLflow would wait twenty seconds for the file, which it sets on every connection: have its statement do less."""
    from sqlalchemy import event

    engine = tracker.client._tracking_client.store.engine

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def shorten(connection, cursor, statement, parameters, context, executemany):
        return statement.replace("busy_timeout = 20000", "busy_timeout = 200"), parameters


def test_a_store_of_another_mlflow_says_so(runs: Path, capsys):
    with closing(sqlite3.connect(runs / "mlflow.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    lines = said_of(runs, capsys)
    remedy = f"another version of MLflow has made it: use that one, or move {runs / 'mlflow.db'} away"
    assert remedy in lines[1]
    assert "MLFLOW_TRACKING_URI" not in lines[1]


def test_a_newer_store_whose_tables_are_not_ours_says_so(runs: Path, capsys):
    with closing(sqlite3.connect(runs / "mlflow.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        store.execute("ALTER TABLE tags RENAME TO labels")
    assert "another version of MLflow has made it" in said_of(runs, capsys)[1]


@pytest.mark.parametrize("kind", ["no database", "torn", "a folder"])
def test_a_store_that_is_damaged_is_told_when_it_is_whole_again(runs: Path, capsys, kind: str):
    store = runs / "mlflow.db"
    whole = store.rename(runs.parent / "whole.db")
    if kind == "a folder":
        store.mkdir()
    else:
        data = whole.read_bytes()
        store.write_bytes(b"text" * 5000 if kind == "no database" else data[:4096] + b"\xff" * 4096)
    started = time.monotonic()
    lines = said_of(runs, capsys)
    assert time.monotonic() - started < 10
    assert lines[1].startswith(f"MLflow at sqlite:///{store} cannot be used (")
    shutil.rmtree(store) if kind == "a folder" else store.unlink()
    whole.rename(store)
    assert send_the_rest(runs / "one") == 4


def test_an_empty_file_becomes_a_store(tmp_path: Path):
    """As a job leaves it that was killed, or whoever makes the file before."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").touch()
    with tracked_run(tmp_path / "runs" / "one", params={}):
        pass
    assert [run.info.status for run in runs_in(tmp_path / "runs")] == ["FINISHED"]
    assert {each.name for each in (tmp_path / "runs").glob("[!.]*")} == {"mlflow.db", "one"}
