"""How every way is trained: the same batches, steps and optimiser, and the epoch that is best on validation."""

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from benchmarks.selectors.videos import Videos
from epitoma.core.selection import FeatureCandidates, all_valid
from epitoma.training.optimisation import OptimisationConfig, make_optimizers, set_learning_rate
from epitoma.training.weight_average import WeightAverage


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The training budget.

    Attributes:
        steps: Optimiser steps, rounded up to whole passes over the training videos, of which small sets need more.
        candidates: Timesteps of a video, drawn at random each time that training sees it.
        validations: Looks at the validation videos, at most, spread over training.
        optimisation: How weights are moved; how long and how often they are looked at follows from the above.
    """

    steps: int = 250
    candidates: int = 64
    validations: int = 5
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)

    def optimisation_of(self, videos: int) -> OptimisationConfig:
        """All of it, for so many training videos."""
        epochs = self.epochs(videos)
        every = self.validate_every(videos)
        return replace(self.optimisation, epochs=epochs, validate_every=every, checkpoint_epochs=epochs)

    def epochs(self, videos: int) -> int:
        """Passes over so many training videos."""
        return math.ceil(self.steps / (videos // self.optimisation.batch_size))

    def validate_every(self, videos: int) -> int:
        """Passes between looks at the validation videos."""
        return math.ceil(self.epochs(videos) / self.validations)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Videos of one step.

    Attributes:
        candidates: Random timesteps of each.
        labels_BL: Multi-hot labels.
        evidence_BT: Which of them are evidence; for the oracle alone.
        progress: Share of training done.
        generator: Randomness of the way itself.
    """

    candidates: FeatureCandidates
    labels_BL: Tensor
    evidence_BT: Tensor
    progress: float
    generator: torch.Generator


class Learner(nn.Module):
    """A module that says what a step costs."""

    @abstractmethod
    def loss(self, drawn: Drawn) -> Tensor:
        """A scalar to descend."""


def train(module: Learner, videos: Videos, recipe: Recipe, *, seed: int, score: Callable[[], float]) -> None:
    """Train a module, and leave it as it was when ``score`` was highest."""
    generator = torch.Generator().manual_seed(seed)
    best, best_score = copy.deepcopy(module.state_dict()), -math.inf
    config = recipe.optimisation_of(len(videos.split.video_ids))
    average = WeightAverage(module, decay=config.average)
    optimizers = make_optimizers(module.parameters(), [], config)
    for epoch in range(config.epochs):
        module.train()
        _epoch(module, optimizers, average, videos, config, recipe.candidates, epoch, generator)
        if (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs:
            with average.applied():
                value = score_of(module, score)
                if value >= best_score:
                    best, best_score = copy.deepcopy(module.state_dict()), value
    module.load_state_dict(best)
    module.eval()


@torch.inference_mode()
def score_of(module: nn.Module, score: Callable[[], float]) -> float:
    """A score of a module that does not learn meanwhile."""
    module.eval()
    return score()


def _epoch(
    module: Learner,
    optimizers: Sequence[torch.optim.Optimizer],
    average: WeightAverage,
    videos: Videos,
    config: OptimisationConfig,
    candidates: int,
    epoch: int,
    generator: torch.Generator,
) -> None:
    count, timesteps = videos.evidence_VT.shape
    steps = count // config.batch_size
    order = torch.randperm(count, generator=generator)
    for step in range(steps):
        progress = (epoch + step / steps) / config.epochs
        set_learning_rate(optimizers, config, progress=progress)
        rows_B = order[step * config.batch_size : (step + 1) * config.batch_size]
        drawn = _draw(videos, rows_B, min(candidates, timesteps), progress, generator)
        module.zero_grad(set_to_none=True)
        module.loss(drawn).backward()
        nn.utils.clip_grad_norm_(module.parameters(), config.gradient_norm)
        for optimizer in optimizers:
            optimizer.step()
        average.update(steps=epoch * steps + step + 1)


def _draw(
    videos: Videos, rows_B: Tensor, candidates: int, progress: float, generator: torch.Generator
) -> Drawn:
    timesteps = videos.evidence_VT.shape[1]
    chance = torch.rand(len(rows_B), timesteps, generator=generator)
    places_BT = chance.argsort(dim=1)[:, :candidates].sort(dim=1).values
    at = (rows_B[:, None], places_BT)
    return Drawn(
        candidates=FeatureCandidates(
            light_BTC=videos.split.light_VTC[at],
            heavy_BTC=videos.split.heavy_VTC[at],
            valid_BT=all_valid(*places_BT.shape),
        ),
        labels_BL=videos.split.labels_VL[rows_B],
        evidence_BT=videos.evidence_VT[at],
        progress=progress,
        generator=generator,
    )
