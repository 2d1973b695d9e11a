"""Real MLflow on a real SQLite file: what is logged can be read back, and every run has an honest end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from mlflow import MlflowClient

from epitoma.tracking.mlflow_run import store_uri, tracked_run


def runs_in(runs: Path) -> list:
    client = MlflowClient(store_uri(runs))
    return client.search_runs([client.get_experiment_by_name("epitoma").experiment_id])


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


def test_a_folder_goes_on_with_the_run_it_remembers(runs: Path):
    for params in ({"a": 1}, {"a": 2, "b": 3}):
        with tracked_run(runs / "same", params=params):
            pass
    (run,) = runs_in(runs)
    assert run.data.params == {"a": "1", "b": "3"}


def test_a_table_takes_the_place_of_an_earlier_one(runs: Path):
    for score in (0.5, 0.7):
        with tracked_run(runs / "same", params={}) as tracker:
            tracker.table([{"budget": 4, "score": score}], name="points")
    (run,) = runs_in(runs)
    table = json.loads(Path(url2pathname(urlparse(run.info.artifact_uri).path), "points.json").read_text())
    assert table == {"columns": ["budget", "score"], "data": [[4, 0.7]]}
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "points.json", "type": "table"}]


def test_a_folder_whose_run_is_lost_gets_a_new_one(runs: Path):
    with tracked_run(runs / "same", params={}):
        pass
    remembered = runs / "same" / "mlflow.json"
    remembered.write_text(json.dumps({**json.loads(remembered.read_text()), "run_id": "0" * 32}))
    with tracked_run(runs / "same", params={}):
        pass
    assert [run.info.status for run in runs_in(runs)] == ["FINISHED"] * 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(1), "KILLED")],
)
def test_a_run_that_does_not_finish_says_so(runs: Path, error: BaseException, status: str):
    with pytest.raises(type(error)), tracked_run(runs / "bad", params={}):
        raise error
    assert [run.info.status for run in runs_in(runs)] == [status]


def test_a_stopped_job_leaves_its_run_killed(runs: Path):
    code = (
        "import time; from pathlib import Path; from dataclasses import dataclass\n"
        "from epitoma.tracking.mlflow_run import tracked_run; from ray_jobs.parts.command_line import run_job\n"
        "@dataclass\nclass Nothing: pass\n"
        "def job(config):\n"
        f"    with tracked_run(Path({str(runs / 'stopped')!r}), params={{}}):\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "run_job(Nothing, job, about='sleeps')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=120)
    assert process.returncode == 130
    assert complaint.strip() == "stopped"
    assert [run.info.status for run in runs_in(runs)] == ["KILLED"]


def test_a_tracking_uri_that_is_set_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    monkeypatch.chdir(tmp_path)
    with tracked_run(tmp_path / "runs" / "one", params={}):
        pass
    assert (tmp_path / "elsewhere.db").is_file()
    assert not (tmp_path / "runs" / "mlflow.db").exists()
