"""Fine-tuning one network, using it in other runs, and a selector in front of a classifier that never saw it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from epitoma.core.config import to_dict
from epitoma.core.errors import ConfigError
from epitoma.core.registry import import_plugins
from epitoma.datasets.manifest import Manifest
from epitoma.evaluation.tradeoff import find
from epitoma.files.json_files import read_json
from epitoma.files.parquet import read_parquet
from epitoma.models.classifier import VideoClassifier
from epitoma.on_ray.decode.attempts import STALLED
from epitoma.on_ray.train.fit import build_trainable
from epitoma.training.checkpoint import load_model, save_model, state_of
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.finetune import FinetuneConfig, finetune
from ray_jobs.parts.options import parse
from ray_jobs.parts.starting_point import starting_point
from ray_jobs.train import train
from tests.conftest import tiny_head, tiny_networks

pytestmark = pytest.mark.usefixtures("ray_cluster")


def quick(dataset: Manifest, runs: Path, **settings) -> FinetuneConfig:
    return FinetuneConfig(
        manifest=dataset.path,
        runs=runs,
        networks=tiny_networks(),
        timesteps=4,
        optimisation=OptimisationConfig(epochs=1, batch_size=4, network_learning_rate=1e-3),
        augmentation=("crop", "flip", "colour"),
        **settings,
    )


@pytest.fixture(scope="module")
def light(dataset: Manifest, plugin: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that fine-tuned LightNet, by a plugin's loss."""
    import_plugins([plugin])
    runs = tmp_path_factory.mktemp("runs")
    settings = {"plugin": (plugin,), "loss": "smoothed", "train_timesteps": 2}
    return finetune(quick(dataset, runs, name="light", network="light", **settings))


@pytest.fixture(scope="module")
def other(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose weights no other run comes by itself."""
    model, config = load_model(trained_run / "model")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    folder = tmp_path_factory.mktemp("other")
    save_model(folder / "model", config=config, state=state_of(model))
    return folder


def networks(run: Path):
    model, config = load_model(run / "model")
    return model.networks, config


def moved(before: torch.nn.Module, after: torch.nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_lightnet_learns_and_is_kept_as_both_networks(dataset: Manifest, light: Path):
    config = quick(dataset, light.parent, name="untouched")
    _, untouched, _ = starting_point(config, dataset)
    tuned, tuned_config = networks(light)
    assert moved(untouched.light, tuned.light)
    assert not moved(tuned.light, tuned.heavy)
    assert not tuned_config.has_selector
    history = read_json(light / "history.json")["epochs"]
    assert history[-1]["train/timesteps"] == 2
    assert 0 <= history[-1]["validation/score"] <= 1


@pytest.mark.long
def test_a_video_that_stalls_its_reader_costs_itself_only(stalling: Manifest, runs: Path):
    run = finetune(quick(stalling, runs, name="heavy", max_reject_share=0.1))
    (reject,) = read_parquet(run / "rejects.parquet").to_pylist()
    assert (reject["video_id"], reject["reason"]) == (
        stalling.split("train").video_ids[3],
        STALLED.format(1),
    )


@pytest.mark.slow
def test_heavynet_learns_alone(dataset: Manifest, tmp_path: Path):
    config = quick(dataset, tmp_path, name="heavy")
    _, untouched, _ = starting_point(config, dataset)
    tuned, _ = networks(finetune(config))
    assert moved(untouched.heavy, tuned.heavy)
    assert not moved(untouched.light, tuned.light)


def test_a_run_takes_each_network_from_where_it_was_tuned(
    dataset: Manifest, light: Path, other: Path, tmp_path: Path
):
    config = TrainConfig(
        manifest=dataset.path,
        name="both",
        runs=tmp_path,
        head=tiny_head(),
        start_from=(f"light={light}", f"heavy={other}"),
    )
    taken, both, _ = starting_point(config, dataset)
    assert not moved(networks(light)[0].light, both.light)
    assert not moved(networks(other)[0].heavy, both.heavy)
    assert taken.networks == tiny_networks()


@pytest.mark.long
def test_a_plain_classifier_is_measured_without_a_selector(dataset: Manifest, light: Path):
    points = evaluate(EvaluateConfig(run=light, manifest=dataset.path, quiet=True))
    assert {point.sampling for point in points} == {"uniform", "random", "dense"}


@pytest.mark.long
def test_a_selector_serves_a_classifier_that_never_saw_it(dataset: Manifest, light: Path, trained_run: Path):
    """Uniform sampling is the plain classifier's own, and keeping all is nearly it: only the weights differ."""
    config = EvaluateConfig(run=light, manifest=dataset.path, quiet=True)
    alone = evaluate(config)
    together = evaluate(replace(config, selector_from=trained_run))
    assert find(together, "uniform", budget=2).score == find(alone, "uniform", budget=2).score
    assert find(together, "selector", budget=2).gmacs_light > 0
    assert (light / "evaluation_test_selector_of_trained" / "tradeoff.parquet").is_file()


def paper_behind_the_selector_of(other: Path, tiny_run: Path, runs: Path) -> TrainConfig:
    """A run from pixels with the paper's classifier behind another run's LightNet and selector."""
    options = ["--config", str(tiny_run), "--runs", str(runs), "--name", "paper"]
    return replace(
        parse(TrainConfig, [*options, "--start-from", f"selector={other}"], about=""),
        source="pixels",
        head=replace(tiny_head(), classifier=VideoClassifier.Config()),
        optimisation=OptimisationConfig(epochs=1, batch_size=4, learning_rate=0.0, network_learning_rate=0.0),
    )


def test_end_to_end_begins_with_a_stand_alone_selector(
    dataset: Manifest, other: Path, tiny_run: Path, tmp_path: Path
):
    config = paper_behind_the_selector_of(other, tiny_run, tmp_path)
    config, both, start = starting_point(config, dataset)
    shape = config.model(classes=dataset.classes, multi_label=False)
    model, (before, _) = build_trainable(config, shape, both, start=start), load_model(other / "model")
    assert not moved(before.selector, model.selector)
    assert not moved(before.networks.light, model.networks.light)
    assert type(model.classifier) is VideoClassifier


@pytest.mark.slow
def test_end_to_end_goes_on_with_a_stand_alone_selector(other: Path, tiny_run: Path, tmp_path: Path):
    """Its LightNet and selector come along; HeavyNet and classifier are the run's own."""
    config = paper_behind_the_selector_of(other, tiny_run, tmp_path)
    train(config)
    (before, _), (after, _) = load_model(other / "model"), load_model(config.folder / "model")
    assert not moved(before.selector, after.selector)
    assert not moved(before.networks.light, after.networks.light)
    assert type(after.classifier) is VideoClassifier


def test_what_fine_tuning_is_cannot_be_changed(dataset: Manifest, tmp_path: Path):
    with pytest.raises(ConfigError, match="from pixels"):
        replace(quick(dataset, tmp_path, name="x"), selection="learnt")
    with pytest.raises(ConfigError, match="network_learning_rate must be above 0"):
        replace(
            quick(dataset, tmp_path, name="x"), optimisation=OptimisationConfig(network_learning_rate=0.0)
        )
    again = quick(dataset, tmp_path, name="x", network="light")
    assert to_dict(again)["network"] == "light"
