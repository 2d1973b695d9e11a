"""The datasets: synthetic videos, easy and hard, and composites of real footage."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch

from benchmarks.selectors.composed import TIMESTEPS, composites_of
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import Splits, Videos
from epitoma.core.sampling import stable_seed
from epitoma.datasets.clips import list_clips
from epitoma.datasets.composites import CompositeConfig, random_story
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.evaluation.budgets import evidence_of
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.training.feature_batches import feature_split
from epitoma.training.feature_store import read_features
from ray_jobs.parts.demo_configs import offline_networks
from ray_jobs.parts.extraction import extract_with
from ray_jobs.prepare import PrepareSynthetic, prepare


def footage_networks() -> NetworksConfig:
    """A LightNet that looks at one small frame, a HeavyNet that looks at two larger ones, at four times its cost."""
    return offline_networks(light=160, heavy=224, frames=2)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset to measure on.

    Attributes:
        name: As it is reported.
        make: From a seed to its splits.
        networks: Whose features they are.
        steps: Optimiser steps of every way.
        batch_size: Videos of a step. Of so many videos in all, more and smaller steps teach more where there is much to
            find, and no less costs.
        candidates: Timesteps of a video that a step sees, drawn at random. Evidence too rare to leave any out needs
            all of them; where there are few clips, whose features are known by heart, drawing varies the videos.
        seeds: What it is measured under unless others are asked for.
    """

    name: str
    make: Callable[[int], Splits]
    networks: NetworksConfig
    steps: int
    batch_size: int
    candidates: int
    seeds: tuple[int, ...] = (0, 1, 2)

    def recipe(
        self,
        base: Recipe,
        *,
        steps: int | None = None,
        batch_size: int | None = None,
        candidates: int | None = None,
    ) -> Recipe:
        """A training budget with what the dataset needs, where nothing else is asked for."""
        return replace(
            base,
            steps=steps or self.steps,
            candidates=candidates or self.candidates,
            optimisation=replace(base.optimisation, batch_size=batch_size or self.batch_size),
        )


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many videos a dataset has.

    Attributes:
        train: To train on.
        validation: To choose epochs and settings on.
        test: To measure on.
    """

    train: int = 1000
    validation: int = 200
    test: int = 400


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """How hard synthetic videos are (see ``SyntheticConfig``), how many, and the steps of a training."""

    one_actions: int
    actions_per_class: int
    evidence_share: float
    distractor_share: float
    twin_classes: int
    sizes: Sizes
    steps: int
    batch_size: int
    seed: int
    size: int = 112
    seconds: float = 64.0


EASY = SyntheticSettings(
    one_actions=16,
    actions_per_class=3,
    evidence_share=0.12,
    distractor_share=0.1,
    twin_classes=0,
    sizes=Sizes(train=400, validation=100, test=200),
    steps=500,
    batch_size=16,
    seed=31,
)
HARD = SyntheticSettings(
    one_actions=12,
    actions_per_class=3,
    evidence_share=0.028,
    distractor_share=0.9,
    twin_classes=1,
    sizes=Sizes(train=1000, validation=200, test=200),
    steps=2000,
    batch_size=8,
    seed=32,
)
"""Two of the ten classes differ by motion alone, which networks that see single frames cannot tell."""


def synthetic(name: str, settings: SyntheticSettings, work: Path) -> Dataset:
    """Real H.264 files of moving objects, their features extracted as for any dataset; the same for every seed."""
    networks = offline_networks(light=64, heavy=settings.size)
    made = cache(lambda: _synthetic(settings, networks, work / name))
    return Dataset(
        name=name,
        networks=networks,
        make=lambda seed: made(),
        steps=settings.steps,
        batch_size=settings.batch_size,
        candidates=TIMESTEPS,
    )


def footage(clips: Path, filler: str, networks: NetworksConfig, work: Path, sizes: Sizes) -> Dataset:
    """Composites of a folder of clips; a seed is another split of the clips and other videos."""
    return Dataset(
        name=clips.name,
        networks=networks,
        make=lambda seed: _composites(clips, filler, networks, work / clips.name, sizes, seed),
        steps=150,
        batch_size=32,
        candidates=TIMESTEPS // 2,
    )


def _synthetic(settings: SyntheticSettings, config: NetworksConfig, folder: Path) -> Splits:
    dataset = SyntheticConfig(
        train_videos=settings.sizes.train,
        validation_videos=settings.sizes.validation,
        test_videos=settings.sizes.test,
        one_actions=settings.one_actions,
        actions_per_class=settings.actions_per_class,
        twin_classes=settings.twin_classes,
        evidence_share=settings.evidence_share,
        distractor_share=settings.distractor_share,
        min_seconds=settings.seconds,
        max_seconds=settings.seconds + 4,
        size=settings.size,
        seed=settings.seed,
    )
    torch.manual_seed(stable_seed("networks"))
    networks = Networks(config).eval()
    with ray_session(logs=folder / "logs"):
        manifest = prepare(PrepareSynthetic(output=folder, dataset=dataset))
        stored = extract_with(
            manifest, networks, timesteps=TIMESTEPS, root=folder / "features", max_reject_share=0.0
        )
    splits = {}
    for name in ("train", "validation", "test"):
        part = manifest.split(name)
        features = read_features(stored.folder, part)
        evidence_VT = evidence_of(part, features, networks.heavy.input.frames)
        assert evidence_VT is not None
        splits[name] = Videos(split=feature_split(features, part), evidence_VT=evidence_VT)
    return Splits(training=splits["train"], validation=splits["validation"], test=splits["test"])


def _composites(
    clips: Path, filler: str, networks: NetworksConfig, work: Path, sizes: Sizes, seed: int
) -> Splits:
    config = _composite_config(clips, filler, sizes, seed)
    return composites_of(
        list_clips(clips, config),
        lambda usable: random_story(sorted({clip.label for clip in usable}), config),
        config,
        networks,
        cache=work,
    )


def _composite_config(clips: Path, filler: str, sizes: Sizes, seed: int) -> CompositeConfig:
    """Where only one class is left beside the filler, videos without any evidence are the other."""
    others = [child.name for child in clips.iterdir() if child.is_dir() and child.name != filler]
    return CompositeConfig(
        filler=(filler,),
        filler_is_class=len(others) < 2,
        train_videos=sizes.train,
        validation_videos=sizes.validation,
        test_videos=sizes.test,
        min_seconds=60,
        max_seconds=68,
        seed=seed,
    )
