"""What a person and MLflow hear of a training run, also where workers or drivers died in between."""

from pathlib import Path

import pytest

from epitoma.files.json_files import read_json, write_json
from epitoma.tracking.lifecycle import tracked_run
from epitoma.training.events import EpochDone, Resumed, StartValidated, Stopping, VideoRejected
from epitoma.training.history import HISTORY
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.demo_configs import demo_selector
from ray_jobs.parts.train_watcher import TrainWatcher


@pytest.fixture
def config(runs: Path) -> TrainConfig:
    return demo_selector(runs, runs.parent / "manifest.parquet")


def test_epochs_done_anew_and_rejects_told_twice_count_once(config):
    with tracked_run(config.folder, params={}) as tracker:
        watcher = TrainWatcher(config, tracker, lambda *_: None)
        for epoch, loss in ((0, 3.0), (1, 2.0), (0, 2.9), (1, 1.9)):
            watcher(EpochDone(epoch=epoch, metrics={"train/loss": loss}))
        for _ in range(2):
            watcher(VideoRejected(video_id="a", path="a.mp4", reason="no frames"))
    assert [(row["epoch"], row["train/loss"]) for row in watcher.history] == [(0, 2.9), (1, 1.9)]
    assert len(watcher.rejects) == 1


def test_epochs_that_a_killed_driver_never_heard_of_come_from_the_checkpoint(config):
    """The curve is whole, and MLflow hears of the missing epoch once."""
    rows = [{"epoch": epoch, "train/loss": loss} for epoch, loss in enumerate((3.0, 2.0))]
    write_json(config.folder / HISTORY, {"epochs": rows[:1], "start_score": 0.5})
    with tracked_run(config.folder, params={}) as tracker:
        watcher = TrainWatcher(config, tracker, lambda *_: None)
        watcher(Resumed(epoch=2, step=1, history=rows))
        told = tracker.client.get_metric_history(tracker.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in told] == [(1, 2.0)]
    assert read_json(config.folder / HISTORY) == {"epochs": rows, "start_score": 0.5}
    assert watcher.history == rows


def test_mlflow_hears_of_a_stop_before_the_last_checkpoint_is_kept(config):
    with tracked_run(config.folder, params={}) as tracker:
        TrainWatcher(config, tracker, lambda *_: None)(Stopping())
        assert tracker.client.get_run(tracker.run_id).info.status == "KILLED"


def test_a_run_that_found_nothing_better_than_its_start_says_so(config, capsys):
    with tracked_run(config.folder, params={}) as tracker:
        watcher = TrainWatcher(config, tracker, lambda *_: None)
        for kept, told in ((-1, True), (0, False)):
            watcher(StartValidated(metrics={"validation/score": 0.6}))
            watcher(EpochDone(epoch=0, metrics={"validation/score": 0.7, "validation/best_epoch": kept}))
            capsys.readouterr()
            watcher.print_kept_model()
            assert ("no epoch was better" in capsys.readouterr().out) == told
