"""Starting point of training: pretrained networks and a new head, or parts of finished runs."""

from dataclasses import replace
from typing import Any

import torch

from epitoma.core.sampling import stable_seed
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import ModelConfig, Networks, VideoEpitoma
from epitoma.models.weights import RANDOM
from epitoma.reporting.console import say
from epitoma.training.checkpoint import State, load_model, model_folder, networks_of, state_of
from epitoma.training.run_config import TrainConfig
from epitoma.training.starts import PARTS
from ray_jobs.parts.runs import check_classes


def starting_point(config: TrainConfig, manifest: Manifest) -> tuple[TrainConfig, Networks, State | None]:
    """Load the networks and weights to start from.

    A part that is taken from another run keeps the settings that it has there.

    Returns:
        The config with those settings, the networks, and the state of selector and classifier; None for a new head.

    Raises:
        RunError: The dataset has no training or validation videos, or other classes than the run to start from.
    """
    for split in ("train", "validation"):
        manifest.split(split)
    config, state = _head(config, manifest)
    config, networks = _networks(config)
    _say_untuned(config)
    return config, networks, state


def _say_untuned(config: TrainConfig) -> None:
    """Say which networks training end to end begins with as they were published; the paper fine-tunes them first."""
    untuned = [part for part in PARTS["networks"] if part not in config.starts]
    if config.trains_networks and config.selection == "learnt" and untuned:
        runs = " ".join(f"{part}=RUN" for part in untuned)
        say(
            f"  not fine-tuned on these videos yet: {' and '.join(untuned)}; the paper does that first "
            f"(epitoma finetune, then --start-from {runs})"
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
