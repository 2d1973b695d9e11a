"""Fine-tuning one network, using it in other runs, and a selector in front of a classifier that never saw it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from epitoma.config import to_dict
from epitoma.datasets.manifest import Manifest
from epitoma.errors import ConfigError
from epitoma.tradeoff import find
from epitoma.training.augmentation import AugmentationConfig
from epitoma.training.checkpoint import load_model, read_json
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.command_line import parse
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.finetune import FinetuneConfig, finetune
from ray_jobs.starting_point import starting_point
from ray_jobs.train import train
from tests.conftest import tiny_head, tiny_networks

pytestmark = pytest.mark.usefixtures("ray_cluster")


def quick(dataset: Manifest, runs: Path, **settings) -> FinetuneConfig:
    return FinetuneConfig(
        manifest=dataset.path,
        runs=runs,
        networks=tiny_networks(),
        timesteps=4,
        optimisation=OptimisationConfig(epochs=1, batch_size=4, network_learning_rate=1e-3, average=0.0),
        augmentation=AugmentationConfig(crop=0.5, flip=0.5, colour=0.2),
        **settings,
    )


@pytest.fixture(scope="module")
def tuned(dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each network."""
    runs = tmp_path_factory.mktemp("runs")
    return {
        "light": finetune(quick(dataset, runs, name="light", network="light")),
        "heavy": finetune(quick(dataset, runs, name="heavy", train_sampling="uniform", train_timesteps=2)),
    }


def networks(run: Path):
    model, config = load_model(run / "model")
    return model.networks, config


def moved(before: torch.nn.Module, after: torch.nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_the_network_learns_and_a_light_one_is_kept_as_lightnet_too(dataset: Manifest, tuned):
    config = quick(dataset, tuned["light"].parent, name="untouched")
    _, untouched, _ = starting_point(config, dataset)
    light, light_config = networks(tuned["light"])
    assert moved(untouched.light, light.light)
    assert not moved(light.light, light.heavy)
    assert not light_config.has_selector
    heavy, _ = networks(tuned["heavy"])
    assert moved(untouched.heavy, heavy.heavy)
    assert not moved(untouched.light, heavy.light)
    history = read_json(tuned["heavy"] / "history.json")["epochs"]
    assert history[-1]["train/timesteps"] == 2
    assert 0 <= history[-1]["validation/score"] <= 1


def test_a_run_takes_each_network_from_where_it_was_tuned(dataset: Manifest, tuned, tmp_path: Path):
    config = TrainConfig(
        manifest=dataset.path,
        name="both",
        runs=tmp_path,
        head=tiny_head(),
        light_from=tuned["light"],
        heavy_from=tuned["heavy"],
    )
    taken, both, _ = starting_point(config, dataset)
    assert not moved(networks(tuned["light"])[0].light, both.light)
    assert not moved(networks(tuned["heavy"])[0].heavy, both.heavy)
    assert taken.networks == tiny_networks()


def test_a_plain_classifier_is_measured_without_a_selector(dataset: Manifest, tuned):
    points = evaluate(EvaluateConfig(run=tuned["heavy"], manifest=dataset.path, quiet=True))
    assert {point.sampling for point in points} == {"uniform", "random", "dense"}


def test_a_selector_serves_a_classifier_that_never_saw_it(
    dataset: Manifest, tuned, tiny_run: Path, tmp_path: Path
):
    """Uniform sampling is the plain classifier's own, and keeping all is nearly it: only the weights differ."""
    chooser = parse(
        TrainConfig, ["--config", str(tiny_run), "--name", "chooser", "--runs", str(tmp_path)], about=""
    )
    config = EvaluateConfig(run=tuned["heavy"], manifest=dataset.path, quiet=True)
    alone = evaluate(config)
    together = evaluate(replace(config, selector_from=train(chooser)))
    assert find(together, "uniform", budget=2).score == find(alone, "uniform", budget=2).score
    assert find(together, "selector", budget=2).gmacs_light > 0
    assert (tuned["heavy"] / "evaluation_test_selector_of_chooser" / "tradeoff.parquet").is_file()


def test_end_to_end_goes_on_with_a_stand_alone_selector(
    dataset: Manifest, tuned, tiny_run: Path, tmp_path: Path
):
    """Its LightNet and selector come along; HeavyNet and classifier are the run's own."""
    options = ["--config", str(tiny_run), "--runs", str(tmp_path)]
    alone = parse(TrainConfig, [*options, "--name", "alone", "--light-from", str(tuned["light"])], about="")
    train(alone)
    wider = replace(tiny_head(), classifier=replace(tiny_head().classifier, hidden_channels=24))
    config = replace(
        parse(TrainConfig, [*options, "--name", "wider", "--selector-from", str(alone.folder)], about=""),
        source="pixels",
        backbones="finetune",
        head=wider,
        optimisation=replace(alone.optimisation, epochs=1, learning_rate=0.0, network_learning_rate=0.0),
    )
    train(config)
    (before, _), (after, _) = load_model(alone.folder / "model"), load_model(config.folder / "model")
    assert not moved(before.selector, after.selector)
    assert not moved(before.networks.light, after.networks.light)
    assert after.classifier.mlp[0].out_features == 24


def test_what_fine_tuning_is_cannot_be_changed(dataset: Manifest, tmp_path: Path):
    with pytest.raises(ConfigError, match="from pixels"):
        replace(quick(dataset, tmp_path, name="x"), selection="learnt")
    again = quick(dataset, tmp_path, name="x", network="light")
    assert to_dict(again)["network"] == "light"
