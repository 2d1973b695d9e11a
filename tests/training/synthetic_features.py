"""Features with known evidence: a few timesteps of each video show its class, the rest show nothing."""

from pathlib import Path

import numpy as np
import torch

from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma
from epitoma.training.checkpoint import State
from epitoma.training.context import LocalContext
from epitoma.training.events import EpochDone
from epitoma.training.feature_batches import FeatureSource, FeatureSplit
from epitoma.training.loop import TrainingLoop
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig

CLASSES, TIMESTEPS, EVIDENCE, LIGHT, HEAVY = 10, 32, 4, 24, 32


def make_split(videos: int, *, seed: int) -> FeatureSplit:
    """Videos whose evidence timesteps lie near their class's direction, in noise and among distractors."""
    directions = np.random.default_rng(0).normal(size=(2 * CLASSES, LIGHT + HEAVY)) * 2.0
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=videos)
    features = rng.normal(size=(videos, TIMESTEPS, LIGHT + HEAVY))
    for video, label in enumerate(labels):
        places = rng.permutation(TIMESTEPS)
        features[video, places[:EVIDENCE]] += directions[label]
        distractors = rng.integers(CLASSES, 2 * CLASSES, size=8)
        features[video, places[EVIDENCE : EVIDENCE + 8]] += directions[distractors]
    both = torch.from_numpy(features).float()
    return FeatureSplit(
        video_ids=[f"{seed}-{video}" for video in range(videos)],
        light_VTC=both[..., :LIGHT].contiguous(),
        heavy_VTC=both[..., LIGHT:].contiguous(),
        labels_VL=torch.eye(CLASSES)[labels],
    )


def small_head() -> HeadConfig:
    return HeadConfig(
        selector=EpitomaSelector.Config(kernels=32, dropout=0.0),
        classifier=EpitomaClassifier.Config(dropout=0.1),
    )


def make_config(folder: Path, **settings) -> TrainConfig:
    optimisation = settings.pop("optimisation", {})
    return TrainConfig(
        manifest=folder / "none.parquet",
        name="test",
        runs=folder,
        head=settings.pop("head", small_head()),
        sparsity=settings.pop("sparsity", SparsityConfig(target_timesteps=8)),
        timesteps=TIMESTEPS,
        optimisation=OptimisationConfig(**{"epochs": 40, "validate_every": 5, **optimisation}),
        **settings,
    )


def make_loop(
    config: TrainConfig,
    training: FeatureSplit,
    validation: FeatureSplit,
    context: LocalContext,
    *,
    start: State | None = None,
) -> TrainingLoop:
    torch.manual_seed(config.seed)
    model = VideoEpitoma(config.head, light_channels=LIGHT, heavy_channels=HEAVY, classes=CLASSES)
    model.selector.requires_grad_(config.selection == "learnt")
    if start is not None:
        model.load_state_dict(start)
    source = FeatureSource(config, training, validation, context)
    return TrainingLoop(model, config.loop(multi_label=False), context, source)


def epochs(context: LocalContext) -> list[dict[str, float]]:
    return [event.metrics for event in context.events if isinstance(event, EpochDone)]
