"""Real MLflow on a real SQLite file: every run has an honest end, and a folder goes on with its run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from mlflow import MlflowClient

from epitoma.core.errors import RunError
from epitoma.tracking.lifecycle import added_to_run, send_the_rest, tracked_run
from tests.tracking.stored import runs_in


def test_a_folder_goes_on_with_the_run_it_remembers(runs: Path):
    for params in ({"a": 1}, {"a": 2, "b": 3}):
        with tracked_run(runs / "same", params=params):
            pass
    (run,) = runs_in(runs)
    assert run.data.params == {"a": "1", "b": "3"}


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
        "from epitoma.tracking.lifecycle import tracked_run; from ray_jobs.parts.command_line import run_job\n"
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


def test_there_is_nothing_to_send_of_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match="no run at"):
        send_the_rest(tmp_path)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), ValueError("no")])
def test_what_is_added_to_a_finished_run_leaves_its_status_and_times(runs: Path, error: BaseException | None):
    with tracked_run(runs / "done", params={}):
        pass
    (before,) = runs_in(runs)
    with pytest.raises(type(error)) if error else nullcontext(), added_to_run(runs / "done") as tracker:
        tracker.metrics({"m": 1.0}, step=0)
        if error:
            raise error
    (after,) = runs_in(runs)
    assert after.data.metrics == {"m": 1.0}
    assert (after.info.status, after.info.start_time, after.info.end_time) == (
        "FINISHED",
        before.info.start_time,
        before.info.end_time,
    )


def test_a_model_without_its_journal_gets_a_finished_run(runs: Path):
    with added_to_run(runs / "brought") as tracker:
        tracker.metrics({"m": 1.0}, step=0)
    assert [(run.info.status, run.data.metrics) for run in runs_in(runs)] == [("FINISHED", {"m": 1.0})]


def test_another_store_gets_a_run_with_the_times_that_it_had(runs: Path, monkeypatch):
    with tracked_run(runs / "one", params={}):
        pass
    (first,) = runs_in(runs)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shutil.copy(runs / 'mlflow.db', runs / 'new.db')}")
    MlflowClient().delete_run(first.info.run_id)
    assert send_the_rest(runs / "one") == 3
    (again,) = runs_in(runs)
    assert (again.info.end_time, again.info.run_id != first.info.run_id) == (first.info.end_time, True)
    assert first.info.start_time - again.info.start_time < 5000
    assert again.info.start_time <= again.info.end_time
