"""What a person sees of a sweep while it runs, and how its runs in MLflow end."""

import re
from io import StringIO
from pathlib import Path

import pytest
from mlflow import MlflowClient
from rich.console import Console

from epitoma.reporting import console
from epitoma.tracking.address import store_uri
from epitoma.tracking.run_tracker import RunTracker
from ray_jobs.parts.sweep_watcher import SweepWatcher


@pytest.fixture
def watcher(runs: Path) -> SweepWatcher:
    folder = runs / "sweep"
    RunTracker(folder, runs=folder.parent).begin()
    return SweepWatcher(folder, trials=4, base={"timesteps": 32}, score_name="accuracy")


def report(score: float, gmacs: float, *, epoch: int = 0) -> dict[str, float]:
    return {
        "epoch": epoch,
        "training_iteration": epoch + 1,
        "validation/score": score,
        "validation/timesteps": 5.0,
        "gmacs": gmacs,
        "train/loss": 1.0,
    }


def shown(watcher: SweepWatcher) -> list[str]:
    text = StringIO()
    Console(width=120, file=text).print(watcher.table())
    return [line for line in text.getvalue().splitlines() if line.strip()]


def statuses(watcher: SweepWatcher) -> dict[str, str]:
    client = MlflowClient(store_uri(watcher.folder.parent))
    runs = client.search_runs([client.get_experiment_by_name("epitoma").experiment_id])
    return {run.info.run_name: run.info.status for run in runs}


def test_the_table_has_score_timesteps_gmacs_front_and_time_left(watcher):
    for name in ("cheap", "good", "worse"):
        watcher.started(name, {"a.b": 1})
    watcher.reported("cheap", report(0.5, 0.2))
    watcher.reported("good", report(0.9, 0.8, epoch=3))
    watcher.reported("worse", report(0.4, 0.9))
    watcher.ended("worse", None)
    title, heading, _, *rows = shown(watcher)
    assert "sweep: 1 of 4 trials, about 0 min left" in title
    assert heading.split() == ["trial", "state", "epochs", "accuracy", "T'", "GMACs", "front"]
    cells = {row.split()[0]: row.split()[1:] for row in rows}
    assert cells["good"] == ["running", "4", "0.900", "5.0", "0.800", "*"]
    assert cells["cheap"][-1] == "*"
    assert cells["worse"] == ["stopped", "early", "1", "0.400", "5.0", "0.900"]
    assert rows[-1].split()[0] == "worse", "what runs comes first"


def test_every_run_ends_whatever_happens_to_it(watcher):
    for name in ("failed", "early", "cut"):
        watcher.started(name, {})
    watcher.ended("failed", "ValueError: no")
    watcher.ended("early", None)
    watcher.stopped()
    assert statuses(watcher) == {
        "sweep": "RUNNING",
        "failed": "FAILED",
        "early": "FINISHED",
        "cut": "KILLED",
    }


def test_runs_that_a_killed_driver_left_running_are_ended_by_the_next_one(watcher):
    watcher.started("left", {})
    later = SweepWatcher(watcher.folder, trials=4, base={}, score_name="accuracy")
    later.stopped()
    assert statuses(watcher)["left"] == "KILLED"


def test_the_newest_table_is_shown_where_somebody_looks(watcher):
    tables = []
    watcher.show = tables.append
    watcher.started("one", {})
    watcher.reported("one", report(0.5, 0.2))
    assert len(tables) == 2


def test_a_log_tells_how_far_the_sweep_is(watcher, capsys, monkeypatch):
    monkeypatch.setattr(console, "LOG_SECONDS", 0.0)
    watcher.started("t0", {})
    watcher.reported("t0", report(0.5, 1.0))
    watcher.ended("t0", None)
    assert re.search(
        r"^  sweep sweep: 1 of 4 trials, [\d.e+]+ trials/s", capsys.readouterr().out, re.MULTILINE
    )
