"""Real MLflow on a real SQLite file: every run has an honest end, and a folder goes on with its run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from epitoma.core.errors import TrackingError
from epitoma.tracking.lifecycle import send_the_rest, tracked_run
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
    with pytest.raises(TrackingError, match="no run at"):
        send_the_rest(tmp_path)
