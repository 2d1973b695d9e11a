"""Training of every way by the project's own loop, from features, and the questions that a trained one answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks.selectors.fast_dropout import hasten
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits, Videos
from epitoma.core.sampling import stable_seed
from epitoma.core.selection import FeatureCandidates
from epitoma.models.gating import lead
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma
from epitoma.training.batch import SelectionName
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import FeatureSource
from epitoma.training.loop import TrainingLoop
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig, calibrated_threshold

CHUNK = 100
"""Videos of a forward pass."""

Open = Callable[[FeatureCandidates, int], Tensor]
"""Which timesteps to keep, where no selector says it: from candidates and their number, a mask."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What of the project's config a way sets.

    Attributes:
        head: Selector and classifier.
        sparsity: How many timesteps are open in training.
        selection: Whether a selector is trained.
        loss: Name of the loss.
    """

    head: HeadConfig
    sparsity: SparsityConfig
    selection: SelectionName = "learnt"
    loss: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A trained model.

    Attributes:
        model: The one that is best on validation.
        looks: Whether LightNet looks at every candidate.
        choose: Says which timesteps to keep in the selector's place.
    """

    model: VideoEpitoma
    looks: bool = True
    choose: Open | None = None

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores of videos where ``kept`` timesteps are kept, and how many really were in the mean."""
        return answers(videos, lambda candidates: self._settings(candidates, kept), self.model)

    def _settings(self, candidates: FeatureCandidates, kept: int) -> dict:
        return {"budget": kept} if self.choose is None else {"open_BT": self.choose(candidates, kept)}


@dataclass(frozen=True)
class ByThreshold:
    """A trained model that is asked without a budget: each video keeps what its gates leave open.

    Attributes:
        model: The model.
        thresholds: What opens a gate, by the mean number of timesteps that validation videos then keep.
    """

    model: VideoEpitoma
    thresholds: Mapping[int, float]
    looks: bool = True

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores where about ``kept`` timesteps are open in the mean."""
        self.model.gating.set_threshold(self.thresholds[kept])
        return answers(videos, lambda candidates: {}, self.model)


def answers(
    videos: Videos, settings: Callable[[FeatureCandidates], dict], model: VideoEpitoma
) -> tuple[Tensor, float]:
    """Class scores of videos, and how many timesteps were kept in the mean."""
    seen = [model(candidates, **settings(candidates)) for candidates in videos.split.candidates.split(CHUNK)]
    count_V = torch.cat([each.selection.count_B for each in seen])
    return torch.cat([each.logits_BL for each in seen]), float(count_V.double().mean())


def by_threshold(fitted: Fitted, validation: Videos) -> ByThreshold:
    """Set the gates' thresholds on validation videos."""
    chosen = [
        fitted.model.select(each.light_BTC, each.valid_BT)[0]
        for each in validation.split.candidates.split(CHUNK)
    ]
    alpha_VT = torch.cat([each.alpha_BT for each in chosen])
    valid_VT = torch.cat([each.valid_BT for each in chosen])
    lead_VT = lead(alpha_VT, valid_VT)
    thresholds = {kept: calibrated_threshold(lead_VT, valid_VT, target_timesteps=kept) for kept in KEPT}
    return ByThreshold(fitted.model, thresholds)


def fit(splits: Splits, recipe: Recipe, plan: Plan, *, seed: int) -> VideoEpitoma:
    """Train from features, with the recipe that all ways have."""
    config = _config(splits, recipe, plan, seed=seed)
    training = splits.training.split
    torch.manual_seed(stable_seed(seed, "weights"))
    model = VideoEpitoma(
        plan.head,
        light_channels=training.light_VTC.shape[2],
        heavy_channels=training.heavy_VTC.shape[2],
        classes=training.labels_VL.shape[1],
    )
    hasten(model)
    model.selector.requires_grad_(plan.selection == "learnt")
    with TemporaryDirectory() as folder:
        context = LocalContext(Path(folder))
        source = FeatureSource(config, training, splits.validation.split, context)
        loop = TrainingLoop(model, config.loop(multi_label=False), context, source)
        loop.run()
    model.load_state_dict(loop.best)
    return model.eval()


def _config(splits: Splits, recipe: Recipe, plan: Plan, *, seed: int) -> TrainConfig:
    videos, timesteps = splits.training.evidence_VT.shape
    return TrainConfig(
        manifest=Path("none"),
        name="selectors",
        head=plan.head,
        sparsity=plan.sparsity,
        selection=plan.selection,
        loss=plan.loss,
        optimisation=recipe.optimisation_of(videos),
        timesteps=timesteps,
        train_timesteps=min(recipe.candidates, timesteps),
        seed=seed,
    )
