"""Whole runs on real Ray Train: from features and from pixels, with one worker and two, cut off and resumed."""

from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.errors import ConfigError, RunError
from epitoma.sparsity import SparsityConfig
from epitoma.training.checkpoint import read_json
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.train import train


@pytest.fixture
def config(dataset, networks_config, head_config, tmp_path, monkeypatch) -> TrainConfig:
    """Runs in a relative folder, as on a command line: workers have other working directories."""
    monkeypatch.chdir(tmp_path)
    return TrainConfig(
        manifest=dataset.path,
        name="run",
        runs=Path("runs"),
        networks=networks_config,
        head=head_config,
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
    )


def history(run: Path) -> list[dict[str, float]]:
    return read_json(run / "history.json")["epochs"]


def losses(run: Path) -> list[float]:
    return [row["train/loss"] for row in history(run)]


def test_a_run_from_features_is_kept_evaluated_protected_and_gone_on_with(ray_cluster, config, capsys):
    run = train(config)
    assert [row["train/videos"] for row in history(run)] == [10, 10]
    written = {file.name for file in (run / "model").iterdir()}
    assert {"config.json", "model.safetensors", "MLmodel"} <= written
    points = evaluate(EvaluateConfig(run=run, manifest=config.manifest))
    assert {point.sampling for point in points} == {"selector", "gate", "uniform", "random", "dense"}
    assert (run / "evaluation_test" / "tradeoff.png").is_file()
    assert "selector" in capsys.readouterr().out
    with pytest.raises(
        RunError, match="exists already: choose another --name, or go on with it with --resume"
    ):
        train(config)
    with pytest.raises(RunError, match="to resume"):
        train(replace(config, name="other", resume=True))
    again = train(replace(config, name="again", source="pixels", start_from=run))
    assert read_json(again / "config.json")["start_from"] == str(run)
    assert "starts at validation" in capsys.readouterr().out


def test_two_workers_from_pixels_see_every_video_once_and_train_like_one(ray_cluster, config):
    """Dropout aside, two workers take the same steps as one: the same videos, noise and averaged gradients."""
    config.head.selector.dropout = config.head.classifier.dropout = 0.0
    pixels = replace(config, source="pixels", backbones="finetune")
    one = train(replace(pixels, name="one"))
    two = train(replace(pixels, name="two", workers=WorkersConfig(count=2)))
    assert [row["train/videos"] for row in history(two)] == [10, 10]
    assert losses(two) == pytest.approx(losses(one), rel=1e-3)


def test_the_same_seed_gives_the_same_losses_and_a_resume_goes_on_with_them(ray_cluster, config):
    """From pixels: two epochs bit for bit those of another run, and resumed to four, equal to four at once."""
    steady = replace(config.optimisation, schedule="constant")
    config = replace(
        config, source="pixels", backbones="finetune", sparsity=no_penalty(), optimisation=steady
    )
    longer = replace(config, optimisation=replace(config.optimisation, epochs=4))
    whole = losses(train(replace(longer, name="whole")))
    assert losses(train(replace(config, name="cut"))) == whole[:2]
    run = train(replace(longer, name="cut", resume=True))
    assert losses(run) == whole


def test_what_trying_again_cannot_mend_ends_the_run_with_its_own_error(ray_cluster, config):
    """Both workers find steps of one video for the two of them; the attempts that Ray makes then do nothing."""
    small_steps = replace(config.optimisation, batch_size=1)
    with pytest.raises(ConfigError, match="2 workers share steps of 1 videos"):
        train(replace(config, optimisation=small_steps, workers=WorkersConfig(count=2)))


def no_penalty() -> SparsityConfig:
    """Without a penalty and at a constant rate nothing depends on how long a run is meant to be."""
    return SparsityConfig(mode="none")
