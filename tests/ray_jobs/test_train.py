"""What can be said of training jobs without a Ray: what a resume refuses, and what a restart forgets."""

import errno
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.core.config import to_dict
from epitoma.core.errors import ConfigError, RunError
from epitoma.files.json_files import read_json, write_json
from epitoma.presets import demo_selector
from epitoma.tracking.mlflow_run import tracked_run
from epitoma.training.run_config import TrainConfig, WorkersConfig
from ray_jobs.evaluate import EvaluateConfig
from ray_jobs.extract import ExtractConfig
from ray_jobs.parts.command_line import parse, run_job
from ray_jobs.train import HISTORY, Watcher, check_resumed


@pytest.fixture
def config(runs: Path) -> TrainConfig:
    config = demo_selector(runs, runs.parent / "manifest.parquet")
    write_json(config.folder / "config.json", to_dict(config))
    return replace(config, resume=True)


def test_a_resume_may_have_more_epochs_and_workers(config):
    longer = replace(config.optimisation, epochs=99)
    check_resumed(replace(config, optimisation=longer, workers=WorkersConfig(count=2)))


def test_a_resume_with_other_settings_names_them(config):
    with pytest.raises(RunError, match="timesteps 32, not 64") as refusal:
        check_resumed(replace(config, timesteps=64, store_timesteps=64))
    assert "store_timesteps None, not 64" in str(refusal.value)
    assert "optimisation" not in str(refusal.value)


def test_epochs_done_anew_and_rejects_told_twice_count_once(config):
    with tracked_run(config.folder, params={}) as tracker:
        watcher = Watcher(config, tracker, lambda *_: None)
        for epoch, loss in ((0, 3.0), (1, 2.0), (0, 2.9), (1, 1.9)):
            watcher({"kind": "epoch", "epoch": epoch, "metrics": {"train/loss": loss}})
        for _ in range(2):
            watcher({"kind": "reject", "video_id": "a", "path": "a.mp4", "reject": "no frames"})
    assert [(row["epoch"], row["train/loss"]) for row in watcher.history] == [(0, 2.9), (1, 1.9)]
    assert len(watcher.rejects) == 1


def test_epochs_that_a_killed_driver_never_heard_of_come_from_the_checkpoint(config):
    """The curve is whole, and MLflow hears of the missing epoch once."""
    rows = [{"epoch": epoch, "train/loss": loss} for epoch, loss in enumerate((3.0, 2.0))]
    write_json(config.folder / HISTORY, {"epochs": rows[:1]})
    with tracked_run(config.folder, params={}) as tracker:
        watcher = Watcher(config, tracker, lambda *_: None)
        watcher({"kind": "resumed", "epoch": 2, "step": 1, "history": rows})
        told = tracker.client.get_metric_history(tracker.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in told] == [(1, 2.0)]
    assert read_json(config.folder / HISTORY)["epochs"] == watcher.history == rows


def test_mlflow_hears_of_a_stop_before_the_last_checkpoint_is_kept(config):
    with tracked_run(config.folder, params={}) as tracker:
        Watcher(config, tracker, lambda *_: None)({"kind": "stopping"})
        assert tracker.client.get_run(tracker.run_id).info.status == "KILLED"


def test_a_full_disk_ends_a_job_in_one_line(monkeypatch, capsys):
    def fill(config: ExtractConfig) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "runs/mlflow.jsonl")

    monkeypatch.setattr(sys, "argv", ["extract", "--manifest", "m"])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as stop:
            run_job(ExtractConfig, fill, about="")
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no room for runs/mlflow.jsonl (No space left on device): make room")


def test_a_run_that_found_nothing_better_than_its_start_says_so(config, capsys):
    with tracked_run(config.folder, params={}) as tracker:
        watcher = Watcher(config, tracker, lambda *_: None)
        for start, told in ((0.9, True), (0.5, False)):
            watcher({"kind": "start", "metrics": {"validation/score": start}})
            watcher({"kind": "epoch", "epoch": 0, "metrics": {"validation/score": 0.7}})
            capsys.readouterr()
            watcher.say_what_was_kept()
            assert ("no epoch was as good" in capsys.readouterr().out) == told


@pytest.mark.parametrize(
    ("config_type", "arguments"),
    [
        (ExtractConfig, ["--manifest", "m", "--timesteps", "0"]),
        (EvaluateConfig, ["--run", "r", "--manifest", "m", "--random-draws", "0"]),
    ],
)
def test_impossible_numbers_are_refused_by_name(config_type, arguments):
    with pytest.raises(ConfigError, match="must be at least 1, not 0"):
        parse(config_type, arguments, about="")


def test_a_config_file_that_is_not_json_is_refused(tmp_path: Path):
    file = tmp_path / "broken.json"
    file.write_text("{not json")
    with pytest.raises(RunError, match=r"broken\.json is not JSON"):
        parse(TrainConfig, ["--config", str(file)], about="")
