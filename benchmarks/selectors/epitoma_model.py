"""This project's own model and training loop: the paper's gate word for word, and ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks.selectors.peer import CHUNK
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT, Splits, Videos
from epitoma.core.sampling import stable_seed
from epitoma.core.selection import Recognition
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import GatingModule, lead
from epitoma.models.paper import paper_selector
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import FeatureSource
from epitoma.training.loop import TrainingLoop
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig, calibrated_threshold

KERNELS = 64


@dataclass(frozen=True)
class Trained:
    """A trained model, asked as every way is.

    Attributes:
        model: The best one on validation.
    """

    model: VideoEpitoma
    looks: bool = True

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores where ``kept`` timesteps of every video are kept."""
        return _counted(self.recognise(videos, budget=kept))

    def recognise(self, videos: Videos, *, budget: int | None) -> list[Recognition]:
        """The model's answers, where a budget or without one the gates say what is open."""
        return [self.model(candidates, budget=budget) for candidates in videos.split.candidates.split(CHUNK)]


@dataclass(frozen=True)
class ByThreshold:
    """The same model, asked without a budget: each video keeps what its gates leave open.

    Attributes:
        trained: The model.
        thresholds: What opens a gate, by the mean number of timesteps that validation videos then keep.
    """

    trained: Trained
    thresholds: Mapping[int, float]
    looks: bool = True

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores where about ``kept`` timesteps are open in the mean."""
        self.trained.model.selector.gating.set_threshold(self.thresholds[kept])
        return _counted(self.trained.recognise(videos, budget=None))


def by_threshold(trained: Trained, validation: Videos) -> ByThreshold:
    """Set the gates' thresholds on validation videos."""
    chosen = [each.selection for each in trained.recognise(validation, budget=None)]
    worth_VT = torch.cat([each.worth_BT for each in chosen])
    valid_VT = torch.cat([each.valid_BT for each in chosen])
    lead_VT = lead(worth_VT, valid_VT)
    thresholds = {kept: calibrated_threshold(lead_VT, valid_VT, target_timesteps=kept) for kept in KEPT}
    return ByThreshold(trained, thresholds)


def _counted(recognised: Sequence[Recognition]) -> tuple[Tensor, float]:
    count_V = torch.cat([each.selection.count_B for each in recognised])
    return torch.cat([each.logits_BL for each in recognised]), float(count_V.double().mean())


def paper(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, l0_weight: float) -> Trained:
    """No LayerNorm, no bound, no saliency, no scores of single timesteps, a fixed L0 weight (sections 3.2 to 3.4)."""
    head = HeadConfig(
        selector=paper_selector(kernels=KERNELS, attention=TemporalSelfAttention.Config()),
        classifier=VideoClassifier.Config(frame_logits=False, dropout=dropout),
    )
    sparsity = SparsityConfig(mode="l0_weight", l0_weight=l0_weight, warmup=0.0, anneal=0.0, open_every=None)
    return fit(splits, recipe, head, sparsity, seed=seed)


def ours(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, redundancy: float) -> Trained:
    """What a run has that asks for nothing else: anytime gates that keep timesteps which differ."""
    head = HeadConfig(
        selector=TimestepSelector.Config(
            kernels=KERNELS, dropout=dropout, gating=GatingModule.Config(redundancy=redundancy)
        ),
        classifier=VideoClassifier.Config(dropout=dropout),
    )
    return fit(splits, recipe, head, SparsityConfig(), seed=seed)


def fit(splits: Splits, recipe: Recipe, head: HeadConfig, sparsity: SparsityConfig, *, seed: int) -> Trained:
    """Train from features, with the recipe that all ways have."""
    config = _config(splits, recipe, head, sparsity, seed=seed)
    training = splits.training.split
    torch.manual_seed(stable_seed(seed, "weights"))
    model = VideoEpitoma(
        head,
        light_channels=training.light_VTC.shape[2],
        heavy_channels=training.heavy_VTC.shape[2],
        classes=training.labels_VL.shape[1],
    )
    with TemporaryDirectory() as folder:
        context = LocalContext(Path(folder))
        source = FeatureSource(config, training, splits.validation.split, context)
        loop = TrainingLoop(model, config.loop(multi_label=False), context, source)
        loop.run()
    model.load_state_dict(loop.best)
    return Trained(model.eval())


def _config(
    splits: Splits, recipe: Recipe, head: HeadConfig, sparsity: SparsityConfig, *, seed: int
) -> TrainConfig:
    videos, timesteps = splits.training.evidence_VT.shape
    return TrainConfig(
        manifest=Path("none"),
        name="selectors",
        head=head,
        sparsity=sparsity,
        optimisation=recipe.optimisation_of(videos),
        timesteps=timesteps,
        train_timesteps=min(recipe.candidates, timesteps),
        seed=seed,
    )
