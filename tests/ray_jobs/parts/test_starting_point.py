"""What training starts from, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError
from epitoma.datasets.manifest import Manifest
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import build_model
from epitoma.training.checkpoint import save_model, state_of
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.starting_point import starting_point
from tests.conftest import tiny_head, tiny_networks


@pytest.fixture
def config(dataset: Manifest, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        manifest=dataset.path,
        name="run",
        runs=tmp_path,
        head=tiny_head(),
        networks=tiny_networks(),
        source="pixels",
    )


@pytest.fixture
def tuned(config: TrainConfig, dataset: Manifest, tmp_path: Path) -> str:
    model_config = config.model(classes=dataset.classes, multi_label=False)
    folder = tmp_path / "tuned" / "model"
    save_model(folder, config=model_config, state=state_of(build_model(model_config)))
    return str(folder.parent)


def said(config: TrainConfig, dataset: Manifest, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    starting_point(config, dataset)
    return capsys.readouterr().out


def test_networks_that_were_never_fine_tuned_are_told_of(config, dataset, tuned, capsys):
    assert "from no run: light and heavy; the paper fine-tunes both first" in said(config, dataset, capsys)
    half = replace(config, start_from=(f"light={tuned}",))
    assert (
        "from no run: heavy; the paper fine-tunes both first (epitoma finetune, then --start-from heavy=RUN)"
        in said(half, dataset, capsys)
    )


def test_nothing_is_said_where_networks_are_tuned_or_are_not_trained(config, dataset, tuned, capsys):
    frozen = OptimisationConfig(network_learning_rate=0)
    for quiet in (
        replace(config, start_from=(f"networks={tuned}",)),
        replace(config, start_from=(tuned,)),
        replace(config, source="features"),
        replace(config, optimisation=frozen),
        replace(config, selection="dense"),
    ):
        assert said(quiet, dataset, capsys) == ""


def test_live_statistics_are_not_to_be_taken_twice(config, dataset):
    """Refused before there is a run: its name is not spent."""
    networks = tiny_networks()
    networks.heavy.normalisation = "live"
    twice = replace(config, networks=networks, speed=Speed(recompute=True))
    with pytest.raises(ConfigError, match=r"passes of heavy .*--networks\.heavy\.normalisation frozen"):
        starting_point(twice, dataset)
    starting_point(replace(twice, networks=tiny_networks()), dataset)
    starting_point(replace(twice, source="features"), dataset)
