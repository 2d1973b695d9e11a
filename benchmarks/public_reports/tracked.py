"""Training jobs that are tracked, what their store has of them, and whether a job that is not heard ends well."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from benchmarks.public_reports.commands import Done, epitoma
from benchmarks.public_reports.tiny_data import tiny_options
from epitoma.files.json_files import read_json
from epitoma.tracking.address import sqlite_uri

SYNC = "epitoma report sync --run"
DEADLINE_SECONDS = 200


def train_words(name: str = "one", *, runs: str | Path = "runs", epochs: int = 2) -> list[str]:
    """Words of a training job."""
    options = ["--config", str(tiny_options()), "--name", name, "--runs", str(runs)]
    return ["train", *options, "--optimisation.epochs", str(epochs)]


def is_whole(run: Path, done: Done, *words: str) -> bool:
    """Whether the model is there, and the job ended well with one line that says what was not told."""
    lines = [line for line in done.printed.splitlines() if "and not told" in line]
    return (
        done.ends_with(0)
        and (run / "model" / "MLmodel").is_file()
        and len(lines) == 1
        and has(lines[0], *words)
    )


def has(line: str, *words: str) -> bool:
    """Whether a line has all of the words."""
    return all(word in line for word in words)


def stored(runs: Path) -> dict[str, Run]:
    """The runs that a folder's store has, by name, the deleted ones too."""
    client = MlflowClient(sqlite_uri((runs / "mlflow.db").resolve()))
    experiment = client.get_experiment_by_name("epitoma")
    assert experiment is not None
    return {
        str(run.info.run_name): run for run in client.search_runs([experiment.experiment_id], run_view_type=3)
    }


def wait_for(what: Callable[[], bool], job: "subprocess.Popen[str]") -> None:
    """Wait until something is so, while a job runs."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        if job.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the job ended before: {job.communicate(timeout=10)[0]}")
        time.sleep(0.05)


def epochs_done(run: Path) -> int:
    """How many epochs a run has done."""
    return len(read_json(run / "history.json")["epochs"]) if (run / "history.json").is_file() else 0


def ended(job: "subprocess.Popen[str]") -> Done:
    """Wait for a job's end."""
    printed, _ = job.communicate(timeout=DEADLINE_SECONDS)
    return Done(job.returncode, printed)


def sync(folder: Path, run: str | Path = "runs/one") -> Done:
    """Send the rest of a run."""
    return epitoma("report", "sync", "--run", run, folder=folder)
