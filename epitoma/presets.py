"""Whole configs of runs, as functions: what a person would otherwise have to put together from options."""

from dataclasses import replace
from pathlib import Path

from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.sparsity import SparsityConfig
from epitoma.training.loop import OptimisationConfig
from epitoma.training.run_config import TrainConfig


def demo_dataset() -> SyntheticConfig:
    """Videos of a minute or more whose ten classes one still frame of evidence can tell."""
    return SyntheticConfig(
        train_videos=240,
        validation_videos=100,
        test_videos=160,
        twin_classes=0,
        min_seconds=60,
        max_seconds=90,
    )


def offline_networks() -> NetworksConfig:
    """EfficientNet-Lite0 twice, small frames for LightNet, with the weights of an installed package."""
    name, weights = "tf_efficientnet_lite0", "package"
    return NetworksConfig(
        light=LightNet.Config(name=name, weights=weights, size=48),
        heavy=HeavyNet.Config(name=name, weights=weights, size=112),
    )


def demo_selector(runs: Path, manifest: Path) -> TrainConfig:
    """Selector and classifier from stored features: seconds."""
    return TrainConfig(
        manifest=manifest,
        name="selector",
        runs=runs,
        networks=offline_networks(),
        sparsity=SparsityConfig(target_timesteps=6),
        optimisation=OptimisationConfig(
            epochs=60, schedule="cosine", validate_every=5, checkpoint_every=30, weight_decay=0.01
        ),
        timesteps=32,
        train_timesteps=24,
    )


def demo_end_to_end(runs: Path, manifest: Path) -> TrainConfig:
    """The selector's run gone on with from pixels, gates and both networks trained together."""
    selector = demo_selector(runs, manifest)
    return replace(
        selector,
        name="end_to_end",
        source="pixels",
        backbones="finetune",
        start_from=selector.folder,
        train_timesteps=16,
        sparsity=replace(selector.sparsity, warmup=0.0, anneal=0.0),
        optimisation=replace(
            selector.optimisation,
            epochs=2,
            learning_rate=2e-4,
            network_learning_rate=1e-4,
            validate_every=1,
            checkpoint_every=1,
        ),
    )


def demo_reference(runs: Path, manifest: Path) -> TrainConfig:
    """A classifier on the end-to-end run's own networks that never met a selector.

    Uniform, random and dense sampling are given whichever classifier serves them better on validation.
    """
    selector = demo_selector(runs, manifest)
    return replace(
        selector, name="reference", selection="random", networks_from=demo_end_to_end(runs, manifest).folder
    )
