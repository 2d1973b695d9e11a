"""What a person deletes in MLflow ends no job, and is told again where they restore it: real SQLite, real server."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from epitoma.core.errors import TrackingError
from epitoma.tracking.address import VARIABLE, store_uri
from epitoma.tracking.journal import Journal
from epitoma.tracking.lifecycle import added_to_run, send_the_rest, tracked_run
from epitoma.tracking.run_tracker import RunTracker
from tests.mlflow_server import MlflowServer


@pytest.fixture(params=["file", "server"])
def folder(request: pytest.FixtureRequest, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a run whose store is a file, or a server."""
    monkeypatch.setattr("epitoma.tracking.outage.RETRY_SECONDS", 0.0)
    if request.param == "server":
        server: MlflowServer = request.getfixturevalue("mlflow_server")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    return runs / f"{request.node.name[:40]}"


def client(folder: Path) -> MlflowClient:
    return MlflowClient(store_uri(folder.parent))


def the_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line that is told, which there is one of; what is told at the start says the same."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) in (1, 2)
    return lines[-1]


def test_a_run_that_is_deleted_while_it_runs(folder: Path, capsys):
    with tracked_run(folder, params={"a": 1}) as tracker:
        client(folder).delete_run(tracker.run_id)
        tracker.metrics({"m": 1.0}, step=0)
        tracker.metrics({"m": 2.0}, step=1)
    line = the_line(capsys)
    assert (
        f"has the run {tracker.run_id} as a deleted one: 3 records are kept in {folder} and not told" in line
    )
    assert f"mlflow runs restore --run-id {tracker.run_id}, then send them by epitoma report sync" in line
    with pytest.raises(TrackingError, match=f"has the run {tracker.run_id} as a deleted one"):
        send_the_rest(folder)
    client(folder).restore_run(tracker.run_id)
    assert send_the_rest(folder) == 3
    run = client(folder).get_run(tracker.run_id)
    assert (run.data.metrics, run.info.status) == ({"m": 2.0}, "FINISHED")


def test_a_run_that_was_deleted_before_a_job_goes_on_with_it(folder: Path, capsys):
    with tracked_run(folder, params={}) as tracker:
        pass
    client(folder).delete_run(tracker.run_id)
    for context in (tracked_run(folder, params={"a": 1}), added_to_run(folder)):
        with context as again:
            again.metrics({"m": 1.0}, step=0)
        assert "as a deleted one" in the_line(capsys)
    client(folder).restore_run(tracker.run_id)
    assert send_the_rest(folder) == 5
    assert client(folder).get_run(tracker.run_id).info.status == "FINISHED"


def test_a_run_whose_tracks_are_gone_for_good_gets_a_new_one(runs: Path, capsys):
    with tracked_run(runs / "one", params={"a": 1}) as tracker:
        first = tracker.run_id
        client(runs / "one").delete_run(first)
        gc = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", store_uri(runs)]
        subprocess.run(gc, check=True, capture_output=True, env={**os.environ, VARIABLE: store_uri(runs)})
        tracker.metrics({"m": 1.0}, step=0)
    assert tracker.run_id != first
    run = client(runs / "one").get_run(tracker.run_id)
    assert (run.data.params, run.data.metrics, run.info.status) == ({"a": "1"}, {"m": 1.0}, "FINISHED")
    assert capsys.readouterr().err == ""


def _delete_experiment(folder: Path) -> Callable[[], None]:
    experiment = client(folder).get_experiment_by_name("epitoma").experiment_id
    client(folder).delete_experiment(experiment)
    return lambda: client(folder).restore_experiment(experiment)


def test_an_experiment_that_is_deleted(folder: Path, capsys):
    with tracked_run(folder, params={}) as tracker:
        restore = _delete_experiment(folder)
        tracker.metrics({"m": 1.0}, step=0)
    new = folder.with_name(f"new_{folder.name}")
    lines = [the_line(capsys)]
    with tracked_run(new, params={}):
        pass
    lines.append(the_line(capsys))
    restore()
    for line in lines:
        assert "has the experiment epitoma as a deleted one" in line
        assert "mlflow experiments restore --experiment-id " in line
    assert (send_the_rest(folder), send_the_rest(new)) == (2, 3)


def test_a_trial_of_a_deleted_run_does_not_hold_up_others(runs: Path):
    trackers = [RunTracker(runs / name, runs=runs) for name in ("gone", "there")]
    for tracker in trackers:
        tracker.begin()
    client(runs / "gone").delete_run(trackers[0].run_id)
    for tracker in trackers:
        tracker.metrics({"m": 1.0}, step=0)
    assert [len(tracker.journal.pending()) for tracker in trackers] == [1, 0]


def test_an_entry_that_the_store_refuses_holds_up_no_other(folder: Path, capsys):
    with tracked_run(folder, params={}) as tracker:
        tracker.metrics({"a?b": 1.0}, step=0)  # MLflow has no such names.
        tracker.metrics({"good": 1.0}, step=0)
        tracker.metrics({"good": 2.0}, step=1)
    line = the_line(capsys)
    assert "has refused it (" in line
    assert f": 1 records are kept in {folder} and not told; see its log" in line
    run = client(folder).get_run(tracker.run_id)
    assert (run.data.metrics, run.info.status) == ({"good": 2.0}, "FINISHED")
    with pytest.raises(TrackingError, match="has refused it"):
        send_the_rest(folder)
    assert [entry["metrics"][0][0] for entry in Journal(folder).pending()] == ["a?b"]
