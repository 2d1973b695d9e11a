"""Starting point of training: pretrained networks and a new head, or parts of finished runs."""

from dataclasses import replace
from typing import Any

import torch

from epitoma.core.errors import ConfigError
from epitoma.core.sampling import stable_seed
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma
from epitoma.models.weights import HUB, PACKAGE, RANDOM
from epitoma.reporting.console import say
from epitoma.training.checkpoint import State, load_model, model_folder, networks_of, state_of
from epitoma.training.run_config import TrainConfig
from epitoma.training.starts import PARTS
from ray_jobs.parts.runs import check_classes

AS_PUBLISHED = (HUB, PACKAGE, RANDOM)
"""Weights that know nothing of the videos; a file's may."""


def starting_point(config: TrainConfig, manifest: Manifest) -> tuple[TrainConfig, Networks, State | None]:
    """Load the networks and weights to start from.

    A part that is taken from another run keeps the settings that it has there.

    Returns:
        The config with those settings, the networks, and the state of selector and classifier; None for a new head.

    Raises:
        ConfigError: Passes are to be computed twice whose batch normalisation is live.
        RunError: The dataset has no training or validation videos, or other classes than the run to start from.
    """
    for split in ("train", "validation"):
        manifest.split(split)
    config, state = _head(config, manifest)
    config, networks = _networks(config)
    _check_recomputation(config, networks)
    _say_untuned(config)
    return config, networks, state


def _say_untuned(config: TrainConfig) -> None:
    """Say which networks training end to end takes as published; the paper fine-tunes them on the videos first."""
    untuned = [
        part
        for part in PARTS["networks"]
        if part not in config.starts and getattr(config.networks, part).weights in AS_PUBLISHED
    ]
    if config.trains_networks and config.selection == "learnt" and untuned:
        runs = " ".join(f"{part}=RUN" for part in untuned)
        say(
            f"  as published, and from no run: {' and '.join(untuned)}; the paper fine-tunes both first "
            f"(epitoma finetune, then --start-from {runs})"
        )


def _check_recomputation(config: TrainConfig, networks: Networks) -> None:
    """Refuse passes that are computed twice where their batch normalisation is live.

    Raises:
        ConfigError: So it is.
    """
    if not (config.trains_networks and config.speed.recompute):
        return
    for part in PARTS["networks"]:
        if getattr(networks, part).has_live_statistics:
            raise ConfigError(
                f"speed.recompute computes passes of {part} in parts, and twice: live batch normalisation would take "
                f"statistics of parts, and count them twice. With pretrained weights --networks.{part}.normalisation "
                "frozen will do; with random ones a smaller --optimisation.batch-size"
            )


def _head(config: TrainConfig, manifest: Manifest) -> tuple[TrainConfig, State | None]:
    run = config.starts.get("selector")
    if run is None:
        return config, None
    started, started_config = load_model(model_folder(run))
    check_classes(manifest, started_config, run)
    state = {name: each for name, each in state_of(started).items() if not name.startswith("networks.")}
    config = replace(config, plugin=tuple(dict.fromkeys((*config.plugin, *started_config.plugin))))
    if "classifier" in config.starts:
        return replace(config, head=started_config.head), state
    selector = {name: each for name, each in state.items() if name.startswith("selector.")}
    theirs = started_config.head
    return replace(
        config, head=replace(config.head, selector=theirs.selector, gating=theirs.gating)
    ), selector


def _networks(config: TrainConfig) -> tuple[TrainConfig, Networks]:
    """Build the networks, each with the weights of the run that it is taken from, if any."""
    runs = {part: run for part, run in config.starts.items() if part in PARTS["networks"]}
    loaded = {run: load_model(model_folder(run)) for run in dict.fromkeys(runs.values())}
    taken = {part: _part(part, *loaded[run]) for part, run in runs.items()}
    settings = replace(config.networks, **{part: own for part, (_, own) in taken.items()})
    # These networks are replaced below, so their pretrained weights need not be downloaded.
    without = {part: replace(own, weights=RANDOM) for part, (_, own) in taken.items()}
    torch.manual_seed(stable_seed(config.seed, "networks"))
    networks = Networks(replace(settings, **without))
    for part, (network, _) in taken.items():
        setattr(networks, part, network)
    return replace(config, networks=settings), networks


def _part(part: str, model: VideoEpitoma, model_config: ModelConfig) -> tuple[Any, Any]:
    """A network of a finished run's model, and its config."""
    return getattr(networks_of(model), part), getattr(model_config.networks, part)
