"""A real MLflow server that goes away and comes back: nothing is lost, and nobody waits for long."""

import time
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from epitoma.core.errors import TrackingError
from epitoma.tracking import outage
from epitoma.tracking.lifecycle import send_the_rest, tracked_run
from epitoma.tracking.outage import outage_of
from epitoma.tracking.run_tracker import RunTracker
from tests.door import Door
from tests.mlflow_server import MlflowServer


@pytest.fixture
def server(mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    door = Door(mlflow_server.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", door.uri)
    yield door
    door.shut()


def all_runs(server: Door) -> dict[str, object]:
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("epitoma")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_a_server_that_dies_in_the_middle_loses_nothing(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.0)
    folder, note = tmp_path / "runs" / "sweep", tmp_path / "note.txt"
    note.write_text("hello")
    with tracked_run(folder, params={"a": 1}) as tracker:
        tracker.metrics({"m": 1.0}, step=0)
        server.shut()
        for step in (1, 2):
            tracker.metrics({"m": float(step)}, step=step)
        trial = RunTracker(folder / "trials" / "t1", runs=folder.parent, parent=folder)
        trial.status("RUNNING")
        trial.metrics({"m": 5.0}, step=0)
        trial.artifact(note)
        trial.status("FINISHED")
    assert f"epitoma report sync --run {folder}" in capsys.readouterr().err
    with pytest.raises(TrackingError, match="cannot be reached"):
        send_the_rest(folder)

    server.open()
    assert send_the_rest(folder) == 2 + 1 + 4
    runs = all_runs(server)
    client = MlflowClient(server.uri)
    history = client.get_metric_history(runs["sweep"].info.run_id, "m")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1.0), (1, 1.0), (2, 2.0)]
    assert runs["t1"].data.tags["mlflow.parentRunId"] == runs["sweep"].info.run_id
    assert {runs[name].info.status for name in ("sweep", "t1")} == {"FINISHED"}
    assert [file.path for file in client.list_artifacts(runs["t1"].info.run_id)] == ["note.txt"]
    assert send_the_rest(folder) == 0, "all was sent"


def test_a_server_that_comes_back_in_time_hears_all_of_it(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.0)
    with tracked_run(tmp_path / "runs" / "one", params={}) as tracker:
        server.shut()
        tracker.metrics({"m": 1.0}, step=1)
        server.open()
        tracker.metrics({"m": 2.0}, step=2)
        assert tracker.journal.pending() == []
    assert all_runs(server)["one"].data.metrics == {"m": 2.0}
    assert "cannot be reached" not in capsys.readouterr().err


def test_a_server_that_is_not_there_at_the_start_is_said_then_and_at_the_end(server, tmp_path, capsys):
    server.shut()
    folder = tmp_path / "runs" / "one"
    with tracked_run(folder, params={}) as tracker:
        first = capsys.readouterr().err.splitlines()
        tracker.metrics({"m": 1.0}, step=0)
    last = capsys.readouterr().err.splitlines()
    down = f"MLflow at {server.uri} cannot be reached ([Errno 111] Connection refused): "
    assert first == [f"{down}the run goes on, and keeps what is to be told"]
    assert last == [
        f"{down}4 records are kept in {folder} and not told; start it, or set MLFLOW_TRACKING_URI to another, "
        f"then send them by epitoma report sync --run {folder}"
    ]
    server.open()
    assert send_the_rest(folder) == 4


def test_the_runs_of_a_process_wait_for_a_store_once(server, tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "sweep"
    parent = RunTracker(folder, runs=folder.parent)
    parent.begin()
    trial = RunTracker(folder / "trials" / "t1", runs=folder.parent, parent=folder)
    server.shut()
    parent.metrics({"m": 1.0}, step=0)
    monkeypatch.setattr(trial, "_reach", lambda ask: pytest.fail("the store was tried again"))
    trial.status("RUNNING")
    assert len(trial.journal.pending()) == 1


def test_an_outage_lasts_until_its_time_is_over_or_it_is_forgotten(monkeypatch):
    one, other = outage_of("http://one"), outage_of("http://other")
    assert one.is_over
    one.begin()
    assert not outage_of("http://one").is_over
    assert other.is_over
    one.forget()
    assert one.is_over
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.0)
    one.begin()
    assert one.is_over


def test_a_store_that_takes_long_to_fail_is_left_alone_for_longer():
    slow = outage_of("http://slow")
    slow.begin(took_seconds=60.0)
    assert slow._try_again_at > time.monotonic() + 200
