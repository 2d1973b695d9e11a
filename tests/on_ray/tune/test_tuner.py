"""Whole sweeps on real Ray Tune and real MLflow: from features and from pixels, killed, stopped and resumed.

One sweep is looked at by most tests here: a trial of it cannot be run, and its MLflow server dies in the middle.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from epitoma.core.config import to_dict
from epitoma.core.errors import ConfigError, RunError
from epitoma.datasets.manifest import Manifest
from epitoma.files.json_files import read_json, write_json
from epitoma.sweeps.result import read_sweep
from epitoma.tracking.address import store_uri
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.parts.confirm import best_points
from ray_jobs.parts.front_report import FrontConfig
from ray_jobs.report import report
from ray_jobs.sweep import SweepConfig, sweep
from tests.door import Door
from tests.made_sweeps import IMPOSSIBLE, MakeSweep, Swept, children, mlflow_run

DEADLINE_SECONDS = 300


@pytest.fixture
def tracked(sweep_door: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """MLflow of all sweeps, also for jobs in other processes."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sweep_door.uri)
    return sweep_door


def test_good_trials_are_found_and_a_bad_one_fails_alone(swept: Swept, sweep_door: Door):
    assert sorted(t.changes["sparsity.target_timesteps"] for t in swept.result.trials) == [1, 2]
    assert "front: chosen by" in swept.said
    assert "hypervolume" in swept.said
    (failed,) = [run for run in children(sweep_door, swept.config).values() if run.info.status == "FAILED"]
    assert failed.data.params["sparsity.target_timesteps"] == str(IMPOSSIBLE)
    assert f"target_timesteps {IMPOSSIBLE} is more than timesteps 4" in failed.data.tags["error"]


def test_files_are_kept(swept: Swept):
    folder = swept.config.folder
    figures = {"front.png", "front_milliseconds.png"}
    expected = {"config.json", "front.json", "front.md", "best.json", "model", "tune", "trials", *figures}
    assert expected <= {path.name for path in folder.iterdir()}
    written = {path.name.split(".")[0] for path in (folder / "tune").rglob("*") if path.is_file()}
    assert {"events", "result", "progress"} <= written, "Tune's own: TensorBoard, JSON, CSV"
    for name in ("events.out.tfevents.*", "result.json", "progress.csv", "params.json"):
        assert len(list((folder / "tune").glob(f"*/{name}"))) >= 2, name
    summary = read_json(folder / "front.json")
    costs = [row["gmacs"] for row in summary["front"]]
    assert costs == sorted(costs)
    assert summary["hypervolume_ratio"] > 0
    assert all(row["test_score"] is not None and row["milliseconds"] > 0 for row in summary["front"])


def test_a_server_that_dies_in_the_middle_loses_no_trial(swept: Swept, sweep_door: Door):
    assert "report sync" in swept.complained
    assert "records sent to" in swept.sent
    runs = children(sweep_door, swept.config)
    good = {trial.trial for trial in swept.result.trials} | {"uniform_dense", "uniform_random"}
    statuses = {name: run.info.status for name, run in runs.items()}
    assert {name for name, status in statuses.items() if status == "FINISHED"} == good
    assert len(runs) == len(good) + 1, "and the one that failed"
    assert len({frozenset(run.data.params) for run in runs.values()}) == 1, "params are named alike"
    client = MlflowClient(sweep_door.uri)
    for name in good:
        curve = client.get_metric_history(runs[name].info.run_id, "tradeoff/accuracy")
        assert [metric.step for metric in curve] == [1, 2, 4], "references, too: uniform sampling's"
    for trial in swept.result.trials:
        run = runs[trial.trial]
        assert run.data.params["sparsity.target_timesteps"] == str(trial.changes["sparsity.target_timesteps"])
        assert {"tradeoff/gmacs", "validation/score", "train/loss", "gmacs"} <= set(run.data.metrics)
    parent = mlflow_run(sweep_door, swept.config.name)
    kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "front.json", "front.md", "best.json"} <= kept
    note = parent.data.tags["mlflow.note.content"]
    assert all(f"/runs/{runs[trial.trial].info.run_id}" in note for trial in swept.result.trials)


def test_the_model_that_is_kept_is_the_knees(swept: Swept, tracked: Door):
    config, result = swept.config, swept.result
    points = evaluate(
        EvaluateConfig(run=config.folder, manifest=config.manifest, features=config.features, quiet=True)
    )
    assert [p.score for p in points if (p.sampling, p.budget) == ("selector", 4)] == [
        p.score
        for t in result.trials
        if t.trial == result.best.trial
        for p in t.points["test"]
        if (p.sampling, p.candidates, p.budget) == ("selector", 4, 4)
    ]
    assert result.best.measured.gmacs > 0


def test_a_sweep_is_asked_what_to_choose(swept: Swept, capsys):
    folder = swept.config.folder
    report(FrontConfig(sweep=folder, min_score=0.01, max_cost=1e9))
    assert "at least 0.01: trial" in capsys.readouterr().out
    report(FrontConfig(sweep=folder, cost="milliseconds"))
    with pytest.raises(RunError, match="not everything that was asked for is to be had"):
        report(FrontConfig(sweep=folder, min_score=1.1, max_cost=1e9))
    assert "at most 1e+09 GMACs: trial" in capsys.readouterr().out


@pytest.mark.long
def test_a_name_that_is_taken_is_refused_and_what_is_done_is_not_done_twice(swept: Swept, tracked: Door):
    config = swept.config
    with pytest.raises(RunError, match="exists already"):
        sweep(config)
    with pytest.raises(RunError, match="started with other settings"):
        sweep(replace(config, seed=5, resume=True))
    done = {trial.trial: trial.seconds for trial in swept.result.trials}
    Path(config.space).write_text("SPACE = 'edited'\n")
    again = sweep(replace(config, resume=True))
    assert {trial.trial: trial.seconds for trial in again.trials} == done


def test_a_trial_that_no_node_has_room_for_is_refused_where_none_will_come(
    ray_cluster, make_sweep: MakeSweep, tracked: Door
):
    config = make_sweep("large", "SPACE = {'sparsity.target_timesteps': 1}", cpus_per_trial=99)
    with pytest.raises(RunError, match="no node has the 99 CPUs and 0 GPUs of one trial"):
        sweep(config)


@pytest.mark.slow
def test_bad_trials_are_stopped_early_and_say_so(ray_cluster, make_sweep: MakeSweep, tracked: Door):
    # The first learns within three epochs, and the others never do.
    rates = "tune.grid_search([3e-4, 1e-9, 1e-10])"
    steps = "'optimisation.epochs': 9, 'optimisation.batch_size': 2"
    space = f"SPACE = {{{steps}, 'optimisation.learning_rate': {rates}}}"
    config = make_sweep("asha", space, scheduler="asha", concurrent=1)
    result = sweep(config)
    runs = children(tracked, config)
    stopped = [run for run in runs.values() if run.data.tags.get("stopped_early") == "true"]
    assert len(stopped) + len(result.trials) == 3
    assert stopped
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@pytest.mark.slow
def test_a_trial_from_pixels_trains_on_ray_train(ray_cluster, make_sweep: MakeSweep, tracked: Door):
    space = (
        "SEARCH = 'optuna'\n"
        "SPACE = {'sparsity.target_timesteps': 2, 'optimisation.learning_rate': tune.loguniform(1e-4, 1e-3),\n"
        "         'optimisation.validate_every': 2}\n"
    )
    config = make_sweep("pixels", space, source="pixels", confirm=1, confirm_epochs=1)
    result = sweep(config)
    (trial,) = result.trials
    assert {point.sampling for point in trial.points["test"]} == {"selector", "gate", "uniform"}
    run = mlflow_run(tracked, trial.trial)
    assert run.info.status == "FINISHED"
    assert run.data.params["optimisation.validate_every"] == "2"
    scores = MlflowClient(tracked.uri).get_metric_history(run.info.run_id, "validation/score")
    assert [metric.step for metric in scores] == [1], "epochs that were validated, by their numbers"
    confirmed_run = mlflow_run(tracked, f"{config.name}_confirm_{trial.trial}")
    assert confirmed_run.info.status == "FINISHED"
    confirmed = read_json(config.folder / "confirm.json")
    assert [row["trial"] for row in confirmed["trials"]] == [trial.trial]
    assert list(best_points(result, 1)) == [trial.trial]
    parent = mlflow_run(tracked, config.name)
    assert confirmed_run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert confirmed["rank_correlation"] is None, "one trial has no rank"


def command_of(config: SweepConfig) -> list[str]:
    file = config.runs / "sweep.json"
    write_json(file, to_dict(config))
    return [sys.executable, "-m", "ray_jobs.sweep", "--config", str(file)]


def wait_until(is_there: Callable[[], bool], job: subprocess.Popen) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_there():
        assert job.poll() is None, f"the sweep has ended: {job.communicate()[1]}"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def finished(config: SweepConfig) -> list[Path]:
    """Folders of trials that are done."""
    results = (config.folder / "trials").glob("[!u]*/result.json")
    return [file.parent for file in results]


def times_written(places: list[Path]) -> dict[Path, int]:
    return {place: (place / "result.json").stat().st_mtime_ns for place in places}


def statuses_of_trials(config: SweepConfig) -> dict[Path, list[str]]:
    """How the run of each trial stood, from first to last, by its journal, which may be written to just now."""
    journals = (config.folder / "trials").glob("[!u]*/mlflow.jsonl")
    return {journal.parent: statuses_in(journal) for journal in journals}


def statuses_in(journal: Path) -> list[str]:
    whole_lines = journal.read_text().rpartition("\n")[0].splitlines()
    return [entry["status"] for entry in map(json.loads, whole_lines) if entry["op"] == "status"]


def gone_on(config: SweepConfig, before: dict[Path, list[str]]) -> list[Path]:
    """Folders of trials that have begun since, and are not done."""
    return [
        place
        for place, statuses in statuses_of_trials(config).items()
        if statuses.count("RUNNING") > before.get(place, []).count("RUNNING")
        and not (place / "result.json").is_file()
    ]


@pytest.fixture
def alone(dataset: Manifest, tiny_run: Path, runs: Path) -> Callable[..., SweepConfig]:
    """Configs of sweeps that share nothing with other tests."""

    def make(name: str, space: str) -> SweepConfig:
        (runs / "space.py").write_text(f"from ray import tune\n{space}\n")
        return SweepConfig(
            manifest=dataset.path, name=name, space=str(runs / "space.py"), like=tiny_run, runs=runs
        )

    return make


@pytest.mark.jobs
@pytest.mark.long
def test_a_killed_sweep_goes_on_and_a_stopped_one_says_so_and_leaves_no_run_running(alone):
    """Killed when a trial is done, resumed, and stopped in the midst of a trial that has no end."""
    config = alone("killed", "SPACE = {'optimisation.epochs': tune.grid_search([2, 3, 100000])}")
    command = command_of(config)
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(finished(config)) >= 1, killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before, statuses_before = times_written(finished(config)), statuses_of_trials(config)

    going_on = [*command, "--resume"]
    stopped = subprocess.Popen(going_on, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(finished(config)) == 2 and len(gone_on(config, statuses_before)) == 1, stopped)
    stopped.send_signal(signal.SIGTERM)
    _, complaint = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, complaint
    assert complaint.strip().splitlines()[-1] == "stopped"
    assert "Traceback" not in complaint
    assert sorted(each[-1] for each in statuses_of_trials(config).values()) == [
        "FINISHED",
        "FINISHED",
        "KILLED",
    ]
    assert times_written(list(before)) == before, "finished trials are kept"
    assert statuses_in_mlflow(config)[config.name] == "KILLED"


@pytest.mark.jobs
@pytest.mark.slow
def test_a_sweep_whose_driver_is_killed_goes_on_to_its_end(alone):
    grid = "tune.grid_search([1, 2, 3, 4])"
    config = alone(
        "to_its_end", f"SPACE = {{'sparsity.target_timesteps': {grid}, 'optimisation.epochs': 40}}"
    )
    command = command_of(config)
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(finished(config)) >= 1, killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = times_written(finished(config))
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = read_sweep(config.folder)
    assert sorted(trial.changes["sparsity.target_timesteps"] for trial in result.trials) == [1, 2, 3, 4]
    assert times_written(list(before)) == before, "finished trials are kept"
    assert set(statuses_in_mlflow(config).values()) == {"FINISHED"}


def statuses_in_mlflow(config: SweepConfig) -> dict[str, str]:
    client = MlflowClient(store_uri(config.runs))
    experiment = client.get_experiment_by_name("epitoma").experiment_id
    return {run.info.run_name: run.info.status for run in client.search_runs([experiment])}


def test_bad_sweeps_are_refused_before_anything_starts(dataset: Manifest, tiny_run: Path, tmp_path: Path):
    (tmp_path / "grid.py").write_text("SPACE = {'sparsity.target': 2}\n")
    config = SweepConfig(
        manifest=dataset.path,
        name="bad",
        space=str(tmp_path / "grid.py"),
        like=tiny_run,
        runs=tmp_path / "runs",
    )
    with pytest.raises(ConfigError, match=r"there is no option 'sparsity\.target'"):
        sweep(config)
    with pytest.raises(ConfigError, match="no run and no file of options"):
        sweep(replace(config, space="tune_spaces.quick", like=tmp_path / "none"))
    with pytest.raises(ConfigError, match="trials must be at least 1, not 0"):
        replace(config, trials=0)
    assert not config.runs.exists()
