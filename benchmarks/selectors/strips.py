"""Strips of what our selector keeps of footage, and what the truth is.

    python -m benchmarks.selectors.strips --output DIR

Trains on one fold of ``--footage``, and draws the kept frames of ten of its test videos: they are other people's, so
that the pictures stay out of the repository.
"""

from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from benchmarks.command import run_benchmark
from benchmarks.selectors.clip_features import FPS, shot_of
from benchmarks.selectors.datasets import Sizes, footage_networks
from benchmarks.selectors.fitting import Fitted
from benchmarks.selectors.folds import jhmdb
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import Place, Videos
from benchmarks.selectors.ways import OURS, WAYS
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import phase, say
from epitoma.video.shots import shot_frames

PIXELS = 112
EVIDENCE, OTHER = "#2e8b57", "#c1272d"


@dataclass(kw_only=True)
class StripsConfig:
    """What to draw.

    Attributes:
        output: Folder for ``strips.png``.
        footage: Where the folder ``jhmdb`` is.
        work: Where features are kept.
        fold: Whose sources test.
        videos: Test videos to draw.
        kept: Timesteps that are kept of each.
        seed: Of the training.
        sizes: Videos of composites.
        networks: LightNet and HeavyNet.
        steps: Optimiser steps; None is what the dataset needs.
        recipe: The rest of the training budget.
    """

    output: Path = Path("runs/footage")
    footage: Path = Path("../shared/clips")
    work: Path = Path("runs/benchmarks/selectors")
    fold: int = 0
    videos: int = 10
    kept: int = 8
    seed: int = 0
    sizes: Sizes = field(default_factory=Sizes)
    networks: NetworksConfig = field(default_factory=footage_networks)
    steps: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


def main() -> None:
    """Train and draw."""
    run_benchmark(StripsConfig, run, about=__doc__)


def run(config: StripsConfig) -> Path:
    """Draw what is kept; returns the picture's path."""
    dataset = jhmdb(config.footage / "jhmdb", config.fold, config.networks, config.work, config.sizes)
    recipe = dataset.recipe(config.recipe, steps=config.steps)
    with ray_session(logs=config.work / "logs"):
        splits = dataset.make(config.seed)
    (way,) = (way for way in WAYS if way.name == OURS)
    with phase(f"train {OURS} on {dataset.name}"):
        fitted = way.fit(splits, recipe, seed=config.seed, **way.settings[0])
    path = config.output / "strips.png"
    config.output.mkdir(parents=True, exist_ok=True)
    draw(fitted, splits.test, path, videos=config.videos, kept=config.kept)
    say(f"strips: {path}")
    return path


@torch.inference_mode()
def draw(fitted: Fitted, test: Videos, path: Path, *, videos: int, kept: int) -> None:
    """Draw two rows for each video: the kept frames in order of time, and where in the video they are."""
    seen = fitted.model(test.split.candidates.split(videos)[0], budget=kept)
    rows = len(seen.logits_BL)
    picture = plt.figure(figsize=(1.35 * kept, 1.75 * rows))
    grid = picture.add_gridspec(2 * rows, kept, height_ratios=[6, 1] * rows, hspace=0.35, wspace=0.05)
    for video in range(rows):
        evidence_T, open_T = test.evidence_VT[video].numpy(), seen.selection.open_BT[video].numpy()
        panels = [picture.add_subplot(grid[2 * video, column]) for column in range(kept)]
        for panel, timestep in zip(panels, np.flatnonzero(open_T), strict=True):
            _frame(panel, test.places[video][timestep], shows=bool(evidence_T[timestep]))
        truth, said = (
            test.classes[int(each.argmax())] for each in (test.split.labels_VL[video], seen.logits_BL[video])
        )
        panels[0].set_title(f"truth: {truth}; said: {said}", loc="left", fontsize=8)
        _timeline(picture.add_subplot(grid[2 * video + 1, :]), evidence_T, open_T)
    picture.savefig(path, dpi=100, bbox_inches="tight")
    plt.close(picture)


def _frame(panel: Axes, place: Place, *, shows: bool) -> None:
    frames = list(shot_frames([shot_of(place.clip, place.view)], fps=FPS, size=PIXELS))
    panel.imshow(frames[place.frame])
    panel.set(xticks=[], yticks=[])
    for side in panel.spines.values():
        side.set(color=EVIDENCE if shows else OTHER, linewidth=3)


def _timeline(panel: Axes, evidence_T: np.ndarray, open_T: np.ndarray) -> None:
    """Where the evidence is, as an area, and what was kept, as lines."""
    panel.fill_between(
        np.arange(len(evidence_T)), evidence_T, step="mid", color=EVIDENCE, alpha=0.4, linewidth=0
    )
    panel.vlines(np.flatnonzero(open_T), 0, 1, colors="black", linewidth=1)
    panel.set(xlim=(-0.5, len(evidence_T) - 0.5), ylim=(0, 1), xticks=[], yticks=[])


if __name__ == "__main__":
    main()
