"""Whole sweeps on real Ray Tune and real MLflow: from features and from pixels, killed and resumed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from mlflow import MlflowClient

from epitoma.config import to_dict
from epitoma.errors import ConfigError, RunError
from epitoma.sweep_result import SweepResult, read_sweep
from epitoma.tracking import store_uri
from epitoma.training.checkpoint import read_json, write_json
from ray_jobs.confirm import best_points
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.front_report import FrontConfig
from ray_jobs.report import SyncConfig, report
from ray_jobs.sweep import SweepConfig, sweep
from tests.mlflow_server import MlflowServer

GRID = """
from ray import tune
SPACE = {"sparsity.target_timesteps": tune.grid_search([1, 2]), "head.selector.kernels": tune.choice([4, 8])}
"""


@pytest.fixture
def like(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tiny_run, tmp_path / "like.json"))


@pytest.fixture
def config(dataset, like, tmp_path) -> SweepConfig:
    (tmp_path / "grid.py").write_text(GRID)
    return SweepConfig(
        manifest=dataset.path,
        name="sweep",
        space=str(tmp_path / "grid.py"),
        like=like,
        runs=tmp_path / "runs",
    )


def mlflow_runs(runs: Path) -> dict:
    client = MlflowClient(store_uri(runs))
    experiment = client.get_experiment_by_name("epitoma")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def children(config: SweepConfig) -> dict:
    runs = mlflow_runs(config.runs)
    parent = runs.pop(config.name)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    return runs


def test_a_sweep_from_features_is_kept_compared_and_asked(ray_cluster, config, capsys):
    result = sweep(config)
    assert len(result.trials) == 2
    assert {trial.changes["sparsity.target_timesteps"] for trial in result.trials} == {1, 2}
    check_files(config)
    check_mlflow(config, result)
    printed = capsys.readouterr().out
    assert "front: chosen by" in printed
    assert "hypervolume" in printed

    points = evaluate(EvaluateConfig(run=config.folder, manifest=config.manifest, quiet=True))
    best = result.best.measured
    assert [p.score for p in points if (p.sampling, p.budget) == ("selector", 4)] == [
        p.score
        for t in result.trials
        if t.trial == result.best.trial
        for p in t.points["test"]
        if (p.sampling, p.candidates, p.budget) == ("selector", 4, 4)
    ], "the model that was kept is the knee's"
    assert best.gmacs > 0

    report(FrontConfig(sweep=config.folder, min_score=0.01, max_cost=1e9))
    assert "at least 0.01: trial" in capsys.readouterr().out
    report(FrontConfig(sweep=config.folder, cost="milliseconds"))
    with pytest.raises(RunError, match="not everything that was asked for is to be had"):
        report(FrontConfig(sweep=config.folder, min_score=1.1, max_cost=1e9))
    assert "at most 1e+09 GMACs: trial" in capsys.readouterr().out
    with pytest.raises(RunError, match="exists already"):
        sweep(config)
    with pytest.raises(RunError, match="started with other settings"):
        sweep(replace(config, seed=5, resume=True))
    done = {trial.trial: trial.seconds for trial in result.trials}
    Path(config.space).write_text("SPACE = 'edited'\n")
    again = sweep(replace(config, resume=True))
    assert {trial.trial: trial.seconds for trial in again.trials} == done, "nothing is done twice"


def check_files(config: SweepConfig) -> None:
    names = {path.name for path in config.folder.iterdir()}
    figures = {"front.png", "front_milliseconds.png"}
    assert {
        "config.json",
        "front.json",
        "front.md",
        "best.json",
        "model",
        "tune",
        "trials",
        *figures,
    } <= names
    written = {path.name.split(".")[0] for path in (config.folder / "tune").rglob("*") if path.is_file()}
    assert {"events", "result", "progress"} <= written, "Tune's own: TensorBoard, JSON, CSV"
    summary = read_json(config.folder / "front.json")
    costs = [row["gmacs"] for row in summary["front"]]
    assert costs == sorted(costs)
    assert summary["hypervolume_ratio"] > 0
    assert all(row["test_score"] is not None and row["milliseconds"] > 0 for row in summary["front"])


def check_mlflow(config: SweepConfig, result: SweepResult) -> None:
    runs = children(config)
    assert set(runs) == {*(trial.trial for trial in result.trials), "uniform_dense", "uniform_random"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert len({frozenset(run.data.params) for run in runs.values()}) == 1, "params are named alike"
    client = MlflowClient(store_uri(config.runs))
    for run in runs.values():
        curve = client.get_metric_history(run.info.run_id, "tradeoff/accuracy")
        assert [metric.step for metric in curve] == [1, 2, 4], "references, too: uniform sampling's"
    for trial in result.trials:
        run = runs[trial.trial]
        assert run.data.params["sparsity.target_timesteps"] == str(trial.changes["sparsity.target_timesteps"])
        assert {"tradeoff/gmacs", "validation/score", "train/loss", "gmacs"} <= set(run.data.metrics)
    parent = mlflow_runs(config.runs)[config.name]
    kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "front.json", "front.md", "best.json"} <= kept
    note = parent.data.tags["mlflow.note.content"]
    assert all(f"/runs/{runs[trial.trial].info.run_id}" in note for trial in result.trials)


def test_a_trial_that_cannot_be_run_fails_alone(ray_cluster, config, tmp_path):
    (tmp_path / "grid.py").write_text(
        "from ray import tune\nSPACE = {'sparsity.target_timesteps': tune.grid_search([9, 2])}\n"
    )
    result = sweep(config)
    assert [trial.changes["sparsity.target_timesteps"] for trial in result.trials] == [2]
    failed = [run for run in children(config).values() if run.info.status == "FAILED"]
    assert [run.data.params["sparsity.target_timesteps"] for run in failed] == ["9"]
    assert "target_timesteps 9 is more than timesteps 4" in failed[0].data.tags["error"]


def test_a_trial_that_no_node_has_room_for_is_refused_where_none_will_come(ray_cluster, config):
    with pytest.raises(RunError, match="no node has the 99 CPUs and 0 GPUs of one trial"):
        sweep(replace(config, cpus_per_trial=99))


def test_bad_trials_are_stopped_early_and_say_so(ray_cluster, config, tmp_path):
    (tmp_path / "grid.py").write_text(
        "from ray import tune\nTRIALS = 3\n"
        "SPACE = {'optimisation.epochs': 9, 'optimisation.learning_rate': tune.grid_search([3e-3, 1e-9])}\n"
    )
    result = sweep(replace(config, scheduler="asha", concurrent=1))
    runs = children(config)
    stopped = [run for run in runs.values() if run.data.tags.get("stopped_early") == "true"]
    assert len(stopped) + len(result.trials) == 6
    assert stopped
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_a_trial_from_pixels_trains_on_ray_train(ray_cluster, config, like, tmp_path):
    values = json.loads(like.read_text())
    write_json(like, {**values, "source": "pixels", "backbones": "finetune"})
    (tmp_path / "grid.py").write_text(
        "from ray import tune\nSEARCH = 'optuna'\n"
        "SPACE = {'sparsity.target_timesteps': 2, 'optimisation.learning_rate': tune.loguniform(1e-4, 1e-3),\n"
        "         'optimisation.validate_every': 2}\n"
    )
    result = sweep(replace(config, source="pixels", confirm=1, confirm_epochs=1))
    (trial,) = result.trials
    assert {point.sampling for point in trial.points["test"]} == {"selector", "gate", "uniform"}
    confirmed_run = f"{config.name}_confirm_{trial.trial}"
    runs = mlflow_runs(config.runs)
    run = runs[trial.trial]
    assert {run.info.status, runs[confirmed_run].info.status} == {"FINISHED"}
    assert run.data.params["optimisation.validate_every"] == "2"
    scores = MlflowClient(store_uri(config.runs)).get_metric_history(run.info.run_id, "validation/score")
    assert [metric.step for metric in scores] == [1], "epochs that were validated, by their numbers"
    confirmed = read_json(config.folder / "confirm.json")
    assert [row["trial"] for row in confirmed["trials"]] == [trial.trial]
    assert list(best_points(result, 1)) == [trial.trial]
    nested = runs[confirmed_run].data.tags["mlflow.parentRunId"]
    assert nested == runs[config.name].info.run_id
    assert confirmed["rank_correlation"] is None, "one trial has no rank"


def test_a_sweep_whose_driver_is_killed_goes_on_and_keeps_what_was_finished(config, tmp_path):
    (tmp_path / "grid.py").write_text(
        "from ray import tune\n"
        "SPACE = {'sparsity.target_timesteps': tune.grid_search([1, 2, 3, 4]), 'optimisation.epochs': 40}\n"
    )
    write_json(tmp_path / "sweep.json", to_dict(config))
    command = [sys.executable, "-m", "ray_jobs.sweep", "--config", tmp_path / "sweep.json"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    trials = config.folder / "trials"
    deadline = time.monotonic() + 150
    while len(finished(trials)) < 1:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = {place: (place / "result.json").stat().st_mtime_ns for place in finished(trials)}
    done = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    result = read_sweep(config.folder)
    assert sorted(trial.changes["sparsity.target_timesteps"] for trial in result.trials) == [1, 2, 3, 4]
    after = {place: (place / "result.json").stat().st_mtime_ns for place in before}
    assert after == before, "finished trials are kept"
    assert {run.info.status for run in mlflow_runs(config.runs).values()} == {"FINISHED"}


def test_a_sweep_that_is_stopped_says_so_and_leaves_no_run_running(config, tmp_path):
    (tmp_path / "grid.py").write_text(
        "from ray import tune\nSPACE = {'optimisation.epochs': tune.grid_search([100000])}\n"
    )
    write_json(tmp_path / "sweep.json", to_dict(config))
    command = [sys.executable, "-m", "ray_jobs.sweep", "--config", tmp_path / "sweep.json"]
    stopped = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 150
    while "RUNNING" not in statuses_of_trials(config):
        assert stopped.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    stopped.send_signal(signal.SIGTERM)
    _, complaint = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, complaint
    assert complaint.strip().splitlines()[-1] == "stopped"
    assert "Traceback" not in complaint
    assert statuses_of_trials(config) == ["KILLED"]
    assert mlflow_runs(config.runs)[config.name].info.status == "KILLED"


def statuses_of_trials(config: SweepConfig) -> list[str]:
    """How the runs of trials stand, by their journals, which may be read while the sweep runs."""
    newest = []
    for journal in (config.folder / "trials").glob("[!u]*/mlflow.jsonl"):
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        newest += [line["status"] for line in lines if line["op"] == "status"][-1:]
    return newest


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    (tmp_path / "server").mkdir()
    server = MlflowServer(tmp_path / "server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    server.start()
    yield server
    server.stop()


def test_a_server_that_dies_in_the_middle_of_a_sweep_loses_no_trial(ray_cluster, server, config, capsys):
    trials = config.folder / "trials"

    def kill() -> None:
        while not list(trials.glob("*/mlflow.json")):
            time.sleep(0.05)
        server.stop()

    killer = Thread(target=kill, daemon=True)
    killer.start()
    result = sweep(config)
    killer.join()
    assert len(result.trials) == 2
    assert "report sync" in capsys.readouterr().err
    server.start()
    report(SyncConfig(run=config.folder))
    assert "records sent to" in capsys.readouterr().out
    runs = children(config)
    assert set(runs) == {*(trial.trial for trial in result.trials), "uniform_dense", "uniform_random"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    check_mlflow(config, result)


def finished(trials: Path) -> list[Path]:
    return [
        place.parent for place in trials.glob("*/result.json") if not place.parent.name.startswith("uniform")
    ]


def test_bad_sweeps_are_refused_before_anything_starts(config, tmp_path):
    (tmp_path / "grid.py").write_text("SPACE = {'sparsity.target': 2}\n")
    with pytest.raises(ConfigError, match=r"there is no option 'sparsity\.target'"):
        sweep(config)
    with pytest.raises(ConfigError, match="no run and no file of options"):
        sweep(replace(config, space="tune_spaces.quick", like=tmp_path / "none"))
    with pytest.raises(ConfigError, match="trials must be at least 1, not 0"):
        replace(config, trials=0)
    assert not config.runs.exists()
