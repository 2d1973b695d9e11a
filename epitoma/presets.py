"""Presets: functions that return whole configs of training runs, for ``train --preset`` and the demo."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from epitoma.core.errors import ConfigError
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.training.augmentation import AugmentationConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig

CANDIDATES = 32
"""Candidate timesteps per video in the paper: random in training, uniform at inference."""

STORED = 128
"""Timesteps per video in a feature store, from which each training step draws its candidates."""


def paper_optimisation() -> OptimisationConfig:
    """The paper's optimisation: Adam at a constant learning rate, without weight decay or averaging."""
    return OptimisationConfig(
        epochs=100,
        batch_size=32,
        optimizer="adamw",
        learning_rate=1e-3,
        adam_epsilon=1e-4,
        weight_decay=0.0,
        schedule="constant",
        average=0.0,
    )


def standalone(*, manifest: Path, name: str, light: str = "mobilenetv3_small_100") -> TrainConfig:
    """A selector trained stand-alone: the light network is HeavyNet too, so that training needs no heavy network.

    Its selector can be used with any HeavyNet, as it is (``evaluate --selector-from``) or as the start of training end
    to end (``--selector-from``).
    """
    networks = NetworksConfig(light=LightNet.Config(name=light), heavy=HeavyNet.Config(name=light))
    return _from_features(manifest, name, networks)


def frozen(*, manifest: Path, name: str, heavy: str = "resnet50") -> TrainConfig:
    """Selector and classifier, trained on stored features of frozen networks."""
    return _from_features(manifest, name, NetworksConfig(heavy=HeavyNet.Config(name=heavy)))


def end_to_end(*, manifest: Path, name: str, heavy: str = "resnet50") -> TrainConfig:
    """Selector, classifier and both networks, trained together from pixels.

    The selector starts from scratch, or from a stand-alone one with ``selector_from``. Steps with all timesteps open,
    in which HeavyNet runs on every candidate, are in the warm-up only.
    """
    return TrainConfig(
        manifest=manifest,
        name=name,
        source="pixels",
        backbones="finetune",
        networks=NetworksConfig(heavy=HeavyNet.Config(name=heavy)),
        sparsity=SparsityConfig(warmup=0.2, open_every=None),
        augmentation=AugmentationConfig(crop=0.5, flip=0.5, colour=0.2),
        timesteps=CANDIDATES,
    )


def breakfast(*, manifest: Path, name: str, heavy: str = "i3d") -> TrainConfig:
    """The paper's training on Breakfast: its batch size, epochs, optimiser and candidates (section 4.1)."""
    config = end_to_end(manifest=manifest, name=name, heavy=heavy)
    return replace(
        config, optimisation=paper_optimisation(), augmentation=AugmentationConfig(crop=0.5, flip=0.5)
    )


def charades(*, manifest: Path, name: str, heavy: str = "i3d") -> TrainConfig:
    """The paper's training on Charades, the same as on Breakfast except for the dataset (section 4.1)."""
    return breakfast(manifest=manifest, name=name, heavy=heavy)


def _from_features(manifest: Path, name: str, networks: NetworksConfig) -> TrainConfig:
    return TrainConfig(
        manifest=manifest,
        name=name,
        networks=networks,
        timesteps=CANDIDATES,
        train_timesteps=CANDIDATES,
        store_timesteps=STORED,
    )


Preset = Callable[..., TrainConfig]

PRESETS: Mapping[str, Preset] = {
    preset.__name__: preset for preset in (standalone, frozen, end_to_end, breakfast, charades)
}
"""Presets by their name in ``train --preset``; a name such as ``breakfast:resnet50_v1`` sets the HeavyNet too."""


def preset(name: str) -> Preset:
    """Look up a preset by its name, with an optional network after a colon.

    Raises:
        ConfigError: There is no such preset.
    """
    base, _, network = name.partition(":")
    if base not in PRESETS:
        raise ConfigError(f"there is no preset {base!r}; there are {', '.join(PRESETS)}")
    if not network:
        return PRESETS[base]
    return partial(PRESETS[base], **{"light" if base == "standalone" else "heavy": network})


def demo_dataset() -> SyntheticConfig:
    """Videos of half a minute in ten classes; no two classes differ by motion only, which 2D networks cannot see."""
    return SyntheticConfig(
        train_videos=240,
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
        optimisation=OptimisationConfig(epochs=36, validate_every=5, checkpoint_epochs=18),
        timesteps=32,
        train_timesteps=24,
    )


def demo_end_to_end(runs: Path, manifest: Path) -> TrainConfig:
    """Training end to end from pixels, starting from the run of `demo_selector`."""
    selector = demo_selector(runs, manifest)
    return replace(
        selector,
        name="epitoma",
        source="pixels",
        backbones="finetune",
        start_from=selector.folder,
        train_timesteps=16,
        sparsity=replace(selector.sparsity, warmup=0.0, open_every=None, budgets=(1, 2, 4, 8)),
        optimisation=replace(
            selector.optimisation,
            epochs=2,
            batch_size=16,
            learning_rate=1e-5,
            matrix_learning_rate=2e-4,
            network_learning_rate=1e-5,
            validate_every=2,
            checkpoint_epochs=1,
        ),
    )


def demo_reference(runs: Path, manifest: Path) -> TrainConfig:
    """A reference classifier, trained without a selector on the networks of the end-to-end run.

    Uniform, random and dense sampling are evaluated with whichever classifier scores better on validation.
    """
    selector = demo_selector(runs, manifest)
    networks = demo_end_to_end(runs, manifest).folder
    return replace(selector, name="reference", selection="dense", networks_from=networks)
