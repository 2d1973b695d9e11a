"""Presets: functions that return whole configs of training runs."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from epitoma.core.errors import ConfigError
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.paper import paper_head
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig

CANDIDATES = 32
"""Candidate timesteps per video in the paper: random in training, uniform at inference."""

STORED = 128
"""Timesteps per video in a feature store, from which each training step draws its candidates."""


PAPER_L0_WEIGHT = 0.1
"""Weight of L0, which the paper does not print; docs/method.md has what others did."""

LIGHT = LightNet.Config.name

ACTIVATION_MEGABYTES = {"i3d": 161.0, "resnet50_v1": 88.0, "shufflenet3d": 138.0, LIGHT: 16.0}
"""Activations that training keeps of one timestep, in float32 (tests/models/test_activations.py measures them)."""


def standalone(*, manifest: Path, name: str, light: str = LIGHT) -> TrainConfig:
    """A selector trained stand-alone: the light network is HeavyNet too, so that training needs no heavy network.

    Its selector can be used with any HeavyNet, as it is (``evaluate --selector-from``) or as the start of training end
    to end (``--start-from selector=RUN``).
    """
    networks = NetworksConfig(light=LightNet.Config(name=light), heavy=HeavyNet.Config(name=light))
    return _from_features(manifest, name, networks)


def frozen(*, manifest: Path, name: str, heavy: str = "resnet50") -> TrainConfig:
    """Selector and classifier, trained on stored features of frozen networks."""
    return _from_features(manifest, name, NetworksConfig(heavy=HeavyNet.Config(name=heavy)))


def end_to_end(*, manifest: Path, name: str, heavy: str = "resnet50") -> TrainConfig:
    """Selector, classifier and both networks, trained together from pixels.

    The selector starts from scratch, or from a stand-alone one (``selector=RUN`` in ``start_from``).
    """
    return TrainConfig(
        manifest=manifest,
        name=name,
        source="pixels",
        networks=NetworksConfig(heavy=HeavyNet.Config(name=heavy)),
        augmentation=("crop", "flip", "colour"),
        timesteps=CANDIDATES,
    )


def paper(*, manifest: Path, name: str, heavy: str = "resnet50_v1") -> TrainConfig:
    """The paper's model and training, and nothing of ours (section 3.1).

    The paper fine-tunes both networks first, which is another job: ``finetune``, whose runs are then given as
    ``light=RUN`` and ``heavy=RUN`` in ``start_from``. What the paper leaves open, and what is chosen here, is in
    ``docs/method.md``.
    """
    return TrainConfig(
        manifest=manifest,
        name=name,
        source="pixels",
        networks=NetworksConfig(heavy=HeavyNet.Config(name=heavy)),
        head=paper_head(),
        sparsity=SparsityConfig(mode="l0_weight", l0_weight=PAPER_L0_WEIGHT),
        optimisation=paper_optimisation(accumulate=parts_of_a_step(heavy)),
        timesteps=CANDIDATES,
        train_timesteps=CANDIDATES,
    )


def paper_optimisation(*, accumulate: int = 1) -> OptimisationConfig:
    """The paper's optimisation: Adam at one constant learning rate, and nothing else."""
    return OptimisationConfig(
        epochs=100,
        batch_size=32,
        accumulate=accumulate,
        learning_rate=1e-3,
        network_learning_rate=1e-3,
        adam_epsilon=1e-4,
        gradient_norm=None,
    )


def parts_of_a_step(heavy: str) -> int:
    """Parts into which the paper's step of 32 videos is split, so that training fits a GPU of 80 GB.

    The activations of both networks decide: the parts are as few as keep them under half of the memory, in float32 and
    with all 32 timesteps of all videos open, which nothing forbids the gates. A HeavyNet that was not measured counts
    as the largest of those that were.
    """
    heavy_megabytes = ACTIVATION_MEGABYTES.get(heavy, max(ACTIVATION_MEGABYTES.values()))
    whole = 32 * CANDIDATES * (ACTIVATION_MEGABYTES[LIGHT] + heavy_megabytes)
    return next(parts for parts in (1, 2, 4, 8, 16, 32) if whole / parts <= 40_000 or parts == 32)


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
    preset.__name__: preset for preset in (standalone, frozen, end_to_end, paper)
}
"""Presets by their name in ``train --preset``; a name such as ``paper:i3d`` sets the HeavyNet too."""


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
