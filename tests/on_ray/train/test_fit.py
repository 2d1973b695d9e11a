"""Whole runs on real Ray Train: from features and from pixels, with one worker and two, cut off and resumed."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.running_job import losses
from epitoma.core.errors import ConfigError, RunError, TooManyRejectsError
from epitoma.files.json_files import read_json
from epitoma.training.audit import Audit, audit
from epitoma.training.run_config import TrainConfig, WorkersConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.train import train


def videos_of_epochs(run: Path) -> list[float]:
    return [row["train/videos"] for row in read_json(run / "history.json")["epochs"]]


def test_a_run_from_features_is_kept_evaluated_and_protected(trained_run, dataset, steady, capsys):
    assert videos_of_epochs(trained_run) == [10, 10]
    written = {file.name for file in (trained_run / "model").iterdir()}
    assert {"config.json", "model.safetensors", "MLmodel"} <= written
    points = evaluate(EvaluateConfig(run=trained_run, manifest=dataset.path))
    assert {point.sampling for point in points} == {"selector", "gate", "uniform", "random", "dense"}
    assert (trained_run / "evaluation_test" / "tradeoff.png").is_file()
    assert "selector" in capsys.readouterr().out
    with pytest.raises(
        RunError, match="exists already: choose another --name, or go on with it with --resume"
    ):
        train(replace(steady, name=trained_run.name))
    with pytest.raises(RunError, match="to resume"):
        train(replace(steady, name="other", resume=True))


@pytest.mark.long
@pytest.mark.parametrize("file", ["training.png", "history.json"])
def test_what_cannot_be_told_or_drawn_costs_no_model(steady: TrainConfig, ray_cluster: str, file: str):
    brief = replace(steady.optimisation, epochs=1, validate_every=1)
    name = f"no_{Path(file).stem}"
    config = replace(steady, name=name, source="features", optimisation=brief, start_from=())
    (config.folder / file).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        train(config)
    assert (config.folder / "model" / "MLmodel").is_file()


@pytest.fixture
def in_relative_folder(steady: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """As on a command line: workers have other working directories."""
    monkeypatch.chdir(tmp_path)
    return replace(steady, runs=Path("runs"))


def with_two_workers(config: TrainConfig) -> TrainConfig:
    """Two epochs of the run, by two workers."""
    shorter = replace(config.optimisation, epochs=2)
    return replace(config, optimisation=shorter, workers=WorkersConfig(count=2, threads=1))


@pytest.mark.long
def test_two_workers_see_every_video_once_and_train_like_one(
    hurt, steady, in_relative_folder, dataset, capsys
):
    """They take the same steps: the same videos, noise and averaged gradients, also where one has been killed."""
    run = train(with_two_workers(in_relative_folder))
    assert "starts at validation" in capsys.readouterr().out
    assert read_json(run / "config.json")["start_from"] == list(steady.start_from)
    assert losses(run) == pytest.approx(losses(hurt.folder)[:2], rel=1e-3)
    assert videos_of_epochs(run) == [10, 10]
    assert audit(run, dataset.split("train").video_ids, epochs=2) == Audit(lost=[], repeated=[], attempts=1)


@pytest.mark.slow
def test_one_worker_goes_on_where_two_stopped(hurt, in_relative_folder, dataset, capsys):
    run = train(with_two_workers(in_relative_folder))
    assert train(replace(in_relative_folder, resume=True)) == run
    assert "resumed after epoch 2" in capsys.readouterr().out
    assert losses(run) == pytest.approx(losses(hurt.folder), rel=1e-3)
    assert audit(run, dataset.split("train").video_ids, epochs=4) == Audit(lost=[], repeated=[], attempts=2)


@pytest.mark.long
@pytest.mark.parametrize("max_failures", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_trying_again_cannot_mend_ends_the_run_with_its_own_error(
    steady, spoiled, tmp_path, max_failures
):
    """The worker finds a video that cannot be read; an attempt that Ray makes then does nothing."""
    once = WorkersConfig(threads=1, max_failures=max_failures)
    config = replace(steady, manifest=spoiled.path, runs=tmp_path, workers=once, max_reject_share=0.0)
    with pytest.raises(TooManyRejectsError, match="1 of 14 videos cannot be read"):
        train(config)
    (reject,) = pq.read_table(config.folder / "rejects.parquet").to_pylist()
    assert reject["video_id"] == spoiled.split("train").video_ids[3]


def test_steps_that_leave_a_worker_without_a_video_are_refused_before_any_starts(steady, tmp_path):
    small_steps = replace(steady.optimisation, batch_size=1)
    two = WorkersConfig(count=2)
    with pytest.raises(ConfigError, match="2 workers share steps of 1 videos"):
        train(replace(steady, runs=tmp_path, optimisation=small_steps, workers=two))
