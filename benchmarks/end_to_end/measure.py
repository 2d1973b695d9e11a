"""One seed of the experiment: networks fine-tuned, a start, five arms trained equally long from it, and the swaps."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
import torch

import benchmarks.end_to_end.small_nets  # noqa: F401  (registers networks, in workers too)
from benchmarks.end_to_end.arms import ARMS, Arm, DetachedClassifier, with_selector_of
from benchmarks.end_to_end.memory import MemorySource, PixelVideos
from benchmarks.finished import once
from benchmarks.selectors.fitting import answers
from benchmarks.selectors.videos import Videos
from epitoma.core.sampling import stable_seed
from epitoma.models.classifier import FrameAverage
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.videoepitoma import HeadConfig, Networks, NetworksConfig, VideoEpitoma
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import FeatureSource
from epitoma.training.loop import TrainingLoop
from epitoma.training.metrics import accuracy, selection_precision
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig

KEPT = (2, 4, 8)
"""Numbers of timesteps that every model is asked for."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What all arms have in common.

    Attributes:
        splits: Videos to train on, to validate on, and to test on.
        networks: LightNet and HeavyNet, pretrained.
        heads: Selectors and classifiers, by name.
        sparsity: How many timesteps are open in training, from the start on.
        candidates: Timesteps of a video in a training step, at random.
        tuning: How networks are fine-tuned.
        starting: How the start is trained, on features of fine-tuned networks.
        training: How the arms are, all alike.
    """

    splits: Mapping[str, PixelVideos]
    networks: NetworksConfig
    heads: Mapping[str, HeadConfig]
    sparsity: SparsityConfig
    candidates: int
    tuning: OptimisationConfig = field(default_factory=OptimisationConfig)
    starting: OptimisationConfig = field(default_factory=OptimisationConfig)
    training: OptimisationConfig = field(default_factory=OptimisationConfig)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.splits["train"].labels_VL.shape[1]

    @property
    def timesteps(self) -> int:
        """Timesteps of a video that are in memory."""
        return self.splits["train"].light_VTHWC.shape[1]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arm of one seed at one number of timesteps, on test.

    Attributes:
        head: Name of selector and classifier.
        arm: Name of the arm, ``start``, or ``A's selector before B``.
        seed: Seed of fine-tuning, start and arm.
        timesteps: Timesteps kept, T'.
        accuracy: Accuracy.
        precision: Share of the kept timesteps that show evidence.
        validation: Accuracy on validation.
    """

    head: str
    arm: str
    seed: int
    timesteps: int
    accuracy: float
    precision: float
    validation: float


def measure(experiment: Experiment, seed: int) -> list[Row]:
    """All rows of one seed; every head begins with the same fine-tuned networks."""
    networks = tuned_networks(experiment, seed)
    return [row for head in experiment.heads for row in _of_head(experiment, head, networks, seed)]


def _of_head(experiment: Experiment, name: str, networks: Networks, seed: int) -> list[Row]:
    head = experiment.heads[name]
    start = started(experiment, head, networks, seed)
    models = {arm: trained(experiment, head, start, ARMS[arm], seed) for arm in ARMS}
    swapped = {
        f"{one}'s selector before {other}": swap(models[other], models[one])
        for one, other in (("all", "frozen"), ("frozen", "all"))
    }
    asked = {"start": start, **models, **swapped}
    return [
        row
        for arm, model in asked.items()
        for row in rows_of(experiment, model, head=name, arm=arm, seed=seed)
    ]


@ray.remote(num_cpus=1)
def measure_once(experiment: Experiment, seed: int, folder: Path) -> list[Row]:
    """All rows of one seed on one core, unless ``folder`` has them."""
    torch.set_num_threads(1)
    return once(folder / f"seed_{seed}.json", Row, lambda: measure(experiment, seed))


def tuned_networks(experiment: Experiment, seed: int) -> Networks:
    """Both networks, each fine-tuned as a plain classifier of all timesteps, as the paper does first."""
    torch.manual_seed(stable_seed(seed, "networks"))
    networks = Networks(experiment.networks)
    networks.heavy = _tuned(experiment, networks.heavy, "heavy", seed)
    as_heavy = HeavyNet(HeavyNet.Config(**vars(experiment.networks.light)), pretrained=False)
    as_heavy.load_state_dict(networks.light.state_dict())
    networks.light.load_state_dict(_tuned(experiment, as_heavy, "light", seed).state_dict())
    return networks


def _tuned(experiment: Experiment, net: HeavyNet, name: str, seed: int) -> HeavyNet:
    head = HeadConfig(classifier=FrameAverage.Config())
    # Its own frames stand in HeavyNet's place, so that a LightNet is tuned on what it will see.
    splits = {key: _seen_by(videos, name) for key, videos in experiment.splits.items()}
    config = _config(experiment, head, experiment.tuning, seed, selection="dense")
    networks = Networks(
        replace(experiment.networks, heavy=HeavyNet.Config(**_config_of(net))), pretrained=False
    )
    networks.heavy = net
    model = _model(experiment, head, networks)
    model.selector.requires_grad_(False)
    networks.light.requires_grad_(False)
    _run(model, config, splits, MemorySource)
    return net


def _config_of(net: HeavyNet) -> dict:
    return {"name": net.name, "weights": "random", "size": net.input.size, "frames": net.input.frames}


def _seen_by(videos: PixelVideos, name: str) -> PixelVideos:
    return videos if name == "heavy" else replace(videos, heavy_VTHWC=videos.light_VTHWC)


def started(experiment: Experiment, head: HeadConfig, networks: Networks, seed: int) -> VideoEpitoma:
    """Selector and classifier, trained on features of the fine-tuned networks."""
    networks.eval()
    features = {key: videos.features(networks) for key, videos in experiment.splits.items() if key != "test"}
    config = _config(experiment, head, experiment.starting, seed)
    torch.manual_seed(stable_seed(seed, "weights"))
    model = _model(experiment, head, networks)
    networks.requires_grad_(False)
    _run(model, config, features, FeatureSource)
    return model


def trained(
    experiment: Experiment, head: HeadConfig, start: VideoEpitoma, arm: Arm, seed: int
) -> VideoEpitoma:
    """An arm: trained on from the start, whose model is not kept even where nothing better comes."""
    if arm.detached:
        head = replace(head, classifier=DetachedClassifier.Config(**vars(head.classifier)))
    config = _config(experiment, head, experiment.training, seed)
    model = _model(experiment, head, copy.deepcopy(start.networks))
    model.load_state_dict(start.state_dict())
    model.requires_grad_(True)
    arm.freeze(model)
    _run(model, config, experiment.splits, MemorySource)
    return model


def swap(model: VideoEpitoma, chooser: VideoEpitoma) -> VideoEpitoma:
    """A copy of a model with another's selector in front."""
    swapped = copy.deepcopy(model)
    with_selector_of(swapped, copy.deepcopy(chooser))
    return swapped


def rows_of(experiment: Experiment, model: VideoEpitoma, *, head: str, arm: str, seed: int) -> list[Row]:
    """What a model answers, from features of its own networks."""
    assert model.networks is not None
    model.eval()
    seen = {
        key: Videos(
            split=experiment.splits[key].features(model.networks),
            evidence_VT=experiment.splits[key].evidence_VT,
        )
        for key in ("validation", "test")
    }
    return [_row(model, seen, kept, head=head, arm=arm, seed=seed) for kept in KEPT]


@torch.inference_mode()
def _row(
    model: VideoEpitoma, seen: Mapping[str, Videos], kept: int, *, head: str, arm: str, seed: int
) -> Row:
    scores = {
        key: accuracy(answers(videos, lambda candidates: {"budget": kept}, model)[0], videos.split.labels_VL)
        for key, videos in seen.items()
    }
    test = seen["test"]
    open_VT = model.select(test.split.light_VTC, test.split.candidates.valid_BT, budget=kept)[0].open_BT
    return Row(
        head=head,
        arm=arm,
        seed=seed,
        timesteps=kept,
        accuracy=scores["test"],
        precision=selection_precision(open_VT, test.evidence_VT),
        validation=scores["validation"],
    )


def _model(experiment: Experiment, head: HeadConfig, networks: Networks | None) -> VideoEpitoma:
    assert networks is not None
    return VideoEpitoma(
        head,
        light_channels=networks.light.channels,
        heavy_channels=networks.heavy.channels,
        classes=experiment.classes,
        networks=networks,
    )


def _config(
    experiment: Experiment,
    head: HeadConfig,
    optimisation: OptimisationConfig,
    seed: int,
    **settings: object,
) -> TrainConfig:
    base = TrainConfig(
        manifest=Path("none"),
        name="end_to_end",
        head=head,
        sparsity=experiment.sparsity,
        optimisation=optimisation,
        timesteps=experiment.timesteps,
        train_timesteps=experiment.candidates,
        seed=seed,
    )
    return replace(base, **settings)


def _run(
    model: VideoEpitoma, config: TrainConfig, splits: Mapping[str, Any], source: type[FeatureSource]
) -> None:
    """Train to the end, and keep the epoch that is best on validation."""
    with TemporaryDirectory() as folder:
        context = LocalContext(Path(folder))
        batches = source(config, splits["train"], splits["validation"], context)
        loop = TrainingLoop(model, config.loop(multi_label=False), context, batches)
        loop.run()
    model.load_state_dict(loop.best)
