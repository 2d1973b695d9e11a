"""This project's own model and training loop: the paper's gate word for word, and ours."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks.selectors.peer import CHUNK, HIDDEN_CHANNELS
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import Splits, Videos
from epitoma.models.classifier import VideoClassifier
from epitoma.models.gating import GatingModule
from epitoma.models.saliency import Saliency
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig, VideoEpitoma
from epitoma.sampling import stable_seed
from epitoma.sparsity import SparsityConfig
from epitoma.training.context import LocalContext
from epitoma.training.feature_batches import FeatureSource
from epitoma.training.loop import OptimisationConfig, TrainingLoop
from epitoma.training.run_config import TrainConfig

REDUNDANCY = 6.0
BUDGETS = (1, 2, 4, 8, 16, 32)
WARMUP = 0.3


@dataclass(frozen=True)
class Trained:
    """A trained model, asked as every way is.

    Attributes:
        model: The best one on validation.
    """

    model: VideoEpitoma
    looks: bool = True

    def seen(self, videos: Videos, kept: int | None) -> tuple[Tensor, float]:
        """Class scores where ``kept`` timesteps are kept, or as many as the gates leave open."""
        recognised = [
            self.model(candidates, budget=kept) for candidates in videos.split.candidates.split(CHUNK)
        ]
        logits_VL = torch.cat([each.logits_BL for each in recognised])
        count_V = torch.cat([each.selection.count_B for each in recognised])
        return logits_VL, float(count_V.double().mean())


def paper(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, l0_weight: float) -> Trained:
    """No LayerNorm, no bound, no saliency, no scores of single timesteps, a fixed L0 weight (sections 3.2 to 3.4)."""
    head = HeadConfig(
        selector=TimestepSelector.Config(
            embed_channels=None,
            normalise=False,
            saliency=False,
            dropout=0.0,
            gating=GatingModule.Config(score_bound=None, weigh_kept=False, redundancy=0.0),
        ),
        classifier=VideoClassifier.Config(frame_logits=False, dropout=dropout),
    )
    sparsity = SparsityConfig(mode="l0_weight", l0_weight=l0_weight, warmup=0.0, anneal=0.0)
    plain = OptimisationConfig(imitation_weight=0.0)
    return fit(splits, recipe, head, sparsity, seed=seed, optimisation=plain)


def ours(splits: Splits, recipe: Recipe, *, seed: int, dropout: float, pooled_share: float) -> Trained:
    """Anytime gates over an embedding that they share with saliency, which keep timesteps that differ."""
    guess = Saliency.Config(hidden_channels=None, pooled_share=pooled_share)
    head = HeadConfig(
        selector=TimestepSelector.Config(
            embed_channels=HIDDEN_CHANNELS,
            dropout=dropout,
            frame_classifier=guess,
            gating=GatingModule.Config(redundancy=REDUNDANCY),
        ),
        classifier=VideoClassifier.Config(dropout=dropout),
    )
    sparsity = SparsityConfig(mode="anytime", budgets=BUDGETS, warmup=WARMUP)
    optimisation = OptimisationConfig(average=0.99, class_bias=True, imitation_weight=0.0)
    return fit(splits, recipe, head, sparsity, seed=seed, optimisation=optimisation)


def fit(
    splits: Splits,
    recipe: Recipe,
    head: HeadConfig,
    sparsity: SparsityConfig,
    *,
    seed: int,
    optimisation: OptimisationConfig,
) -> Trained:
    """Train from features, with the recipe that all ways have."""
    config = _config(splits, recipe, head, sparsity, seed=seed, optimisation=optimisation)
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
    splits: Splits,
    recipe: Recipe,
    head: HeadConfig,
    sparsity: SparsityConfig,
    *,
    seed: int,
    optimisation: OptimisationConfig,
) -> TrainConfig:
    videos, timesteps = splits.training.evidence_VT.shape
    return TrainConfig(
        manifest=Path("none"),
        name="selectors",
        head=head,
        sparsity=sparsity,
        optimisation=replace(
            optimisation,
            epochs=recipe.epochs(videos),
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            adam_epsilon=1e-8,
            weight_decay=recipe.weight_decay,
            schedule="cosine",
            gradient_norm=recipe.gradient_norm,
            validate_every=recipe.validate_every(videos),
            checkpoint_epochs=recipe.epochs(videos),
        ),
        timesteps=timesteps,
        train_timesteps=min(recipe.candidates, timesteps),
        seed=seed,
    )
