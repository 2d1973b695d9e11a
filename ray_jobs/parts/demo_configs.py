"""Configs of the demo: its dataset, and the runs that it trains one after the other."""

from dataclasses import replace
from pathlib import Path

from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig


def demo_dataset() -> SyntheticConfig:
    """Videos of half a minute in ten classes; no two classes differ by motion only, which 2D networks cannot see."""
    return SyntheticConfig(
        train_videos=400,
        validation_videos=80,
        test_videos=200,
        one_actions=12,
        twin_classes=0,
        distractor_share=0.08,
        min_seconds=30,
        max_seconds=36,
        size=112,
    )


def offline_networks(*, light: int = 48, heavy: int = 112, frames: int | None = None) -> NetworksConfig:
    """EfficientNet-Lite0 as both networks, at these input sizes in pixels, with weights from an installed package."""
    name, weights = "tf_efficientnet_lite0", "package"
    return NetworksConfig(
        light=LightNet.Config(name=name, weights=weights, size=light),
        heavy=HeavyNet.Config(name=name, weights=weights, size=heavy, frames=frames),
    )


def demo_selector(runs: Path, manifest: Path) -> TrainConfig:
    """Selector and classifier from stored features; trains in seconds."""
    return TrainConfig(
        manifest=manifest,
        name="selector",
        runs=runs,
        networks=offline_networks(),
        sparsity=SparsityConfig(target_timesteps=7),
        optimisation=OptimisationConfig(epochs=36, validate_every=5),
        timesteps=32,
        train_timesteps=24,
    )


def demo_reference(runs: Path, manifest: Path) -> TrainConfig:
    """A reference classifier, trained without a selector on the same networks.

    Uniform, random and dense sampling are evaluated with whichever classifier scores better on validation.
    """
    return replace(demo_selector(runs, manifest), name="reference", selection="dense")
