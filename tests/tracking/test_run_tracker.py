"""Real MLflow on a real SQLite file: what a run logs can be read back."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.tracking.address import store_uri
from epitoma.tracking.entries import link_to_run
from epitoma.tracking.journal import JOURNAL_FILE, LOST_TAG
from epitoma.tracking.lifecycle import tracked_run
from epitoma.tracking.run_tracker import RunTracker
from tests.tracking.stored import runs_in


def test_a_run_keeps_params_metrics_tables_and_files(tmp_path: Path):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    with tracked_run(tmp_path / "runs" / "first", params={"sparsity.mode": "l0_weight"}) as tracker:
        tracker.metrics({"tradeoff/accuracy": 0.5}, step=4)
        tracker.metrics({"tradeoff/accuracy": 0.7}, step=8)
        tracker.table([{"budget": 4, "score": 0.5}], name="points")
        tracker.artifact(note)
    (run,) = runs_in(tmp_path / "runs")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params == {"sparsity.mode": "l0_weight"}
    client = MlflowClient(store_uri(tmp_path / "runs"))
    curve = client.get_metric_history(run.info.run_id, "tradeoff/accuracy")
    assert [(metric.step, metric.value) for metric in curve] == [(4, 0.5), (8, 0.7)]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"note.txt", "points.json"}


def test_a_note_links_to_a_run_whatever_its_folder_is_called(tmp_path: Path):
    folder = tmp_path / "runs (old) 50%" / "one"
    with tracked_run(folder, params={}):
        pass
    with tracked_run(folder.with_name("two"), params={}) as tracker:
        gone = link_to_run("gone", folder.with_name("gone"))
        tracker.note(f"{link_to_run('one', folder)} and {gone}")
    one, two = sorted(runs_in(folder.parent), key=lambda run: run.info.run_name)
    link = f"[one](#/experiments/{one.info.experiment_id}/runs/{one.info.run_id})"
    assert two.data.tags["mlflow.note.content"] == f"{link} and gone"


def test_a_tracking_uri_that_is_set_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    monkeypatch.chdir(tmp_path)
    with tracked_run(tmp_path / "runs" / "one", params={}):
        pass
    assert (tmp_path / "elsewhere.db").is_file()
    assert not (tmp_path / "runs" / "mlflow.db").exists()


def test_secrets_of_addresses_are_in_no_entry(runs: Path):
    address = "https://me:hidden@there/a?token=hidden"
    tracker = RunTracker(runs / "one", runs=runs)
    tracker.params({"source": address})
    tracker.tags({"error": address})
    tracker.note(f"from {address}")
    text = (runs / "one" / JOURNAL_FILE).read_text()
    assert text.count("https://...@there/a?token=...") == 3
    assert "hidden" not in text


def test_whether_it_runs_is_known_to_a_later_process(runs: Path):
    for status, runs_on in (("RUNNING", True), ("KILLED", False)):
        RunTracker(runs / "one", runs=runs).status(status)
        assert RunTracker(runs / "one", runs=runs).is_running is runs_on


def test_lines_that_are_no_entries_end_no_job(runs: Path):
    (runs / "one").mkdir(parents=True)
    odd = [
        "null",
        '{"op": "status"}',
        '{"op": "unheard of"}',
        '{"op": "metrics", "metrics": null, "time": 1}',
    ]
    (runs / "one" / JOURNAL_FILE).write_text("\n".join([*odd, ""]))
    tracker = RunTracker(runs / "one", runs=runs)
    assert not tracker.has_begun
    tracker.status("RUNNING")
    tracker.metrics({"m": 0.5}, step=1)
    assert (tracker.is_running, tracker.failure, tracker.journal.pending()) == (True, None, [])
    (run,) = runs_in(runs)
    assert (run.info.status, run.data.metrics) == ("RUNNING", {"m": 0.5})
    assert run.data.tags[LOST_TAG].startswith("a line of mlflow.jsonl that is no entry: ")


def test_the_curve_of_the_selector_has_the_short_name(runs: Path):
    tracker = RunTracker(runs / "one", runs=runs)
    numbers = {
        "candidates": 8,
        "timesteps": 4.0,
        "gmacs_light": 1.0,
        "gmacs_heavy": 2.0,
        "gmacs_classifier": 3.0,
        "selection_precision": None,
    }
    points = [
        TradeoffPoint(sampling=sampling, classifier="own", budget=4, score=score, **numbers)
        for sampling, score in (("uniform", 0.5), ("selector", 0.7))
    ]
    tracker.points(points, split="test")
    tracker.points(points[:1], split="validation")
    metrics, table, lone, _ = map(json.loads, (runs / "one" / JOURNAL_FILE).read_text().splitlines())
    assert [metric for metric in metrics["metrics"] if metric[0].endswith("accuracy")] == [
        ["tradeoff/uniform/accuracy", 0.5, 4],
        ["tradeoff/accuracy", 0.7, 4],
    ]
    assert table["name"] == "tradeoff_points"
    assert lone["metrics"][0] == ["tradeoff_validation/accuracy", 0.5, 4]
