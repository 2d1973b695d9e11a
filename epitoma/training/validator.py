"""Validation over all workers: forward of the validation split, its score, and a check for collapsed gates."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from epitoma.core.errors import DivergedError
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.batch import Batch
from epitoma.training.collapse import find_collapse
from epitoma.training.context import TrainContext
from epitoma.training.loop_config import LoopConfig
from epitoma.training.metrics import score

ROWS = ("logits_VL", "labels_VL", "alpha_VT", "open_probability_VT", "valid_VT", "kept_V")


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Outputs of the model on the validation split.

    Attributes:
        logits_VL: Logits of the classes.
        labels_VL: Multi-hot labels.
        alpha_VT: Scores.
        open_probability_VT: Probability that each gate is open (its expected L0 norm).
        valid_VT: False for padding.
        kept_V: Number of kept timesteps of each video.
    """

    logits_VL: Tensor
    labels_VL: Tensor
    alpha_VT: Tensor
    open_probability_VT: Tensor
    valid_VT: Tensor
    kept_V: Tensor

    @property
    def kept(self) -> float:
        """Mean number of kept timesteps per video."""
        return float(self.kept_V.double().mean())


class Validator:
    """Runs a model over the validation split.

    Args:
        module: The model, on the context's device.
        config: How it is trained.
        context: Context of this worker.
    """

    def __init__(self, module: VideoEpitoma, config: LoopConfig, context: TrainContext) -> None:
        self.module = module
        self.config = config
        self.context = context

    @torch.no_grad()
    def validate(self, batches: Iterable[Batch]) -> Validation:
        """Forward this worker's batches, and gather the outputs of all workers; rejected videos are left out.

        Raises:
            DivergedError: Outputs are not finite.
        """
        self.module.eval()
        shares = self.context.gather([self._rows(batch.to(self.context.device)) for batch in batches])
        rows = [each for share in shares for each in share]
        columns = (torch.cat(column) for column in zip(*rows, strict=True))
        seen = Validation(**dict(zip(ROWS, columns, strict=True)))
        if not seen.logits_VL.isfinite().all():
            raise DivergedError("its outputs on validation are not finite")
        return seen

    def score(self, seen: Validation) -> float:
        """Accuracy, or mAP with several labels per video."""
        return score(seen.logits_VL, seen.labels_VL, multi_label=self.config.multi_label)

    def collapse(self, seen: Validation) -> str | None:
        """How the gates have collapsed, which the score alone would not show; None if they still select."""
        if self.config.selection != "learnt" or self.config.sparsity.mode == "none":
            return None
        return find_collapse(seen.open_probability_VT, seen.alpha_VT, seen.valid_VT, self.config.sparsity)

    def _rows(self, batch: Batch) -> list[Tensor]:
        seen = self.module(batch.candidates, budget=self._budget(), open_BT=batch.open_BT)
        chosen = seen.selection
        gates = (chosen.alpha_BT, chosen.open_probability_BT, chosen.valid_BT, chosen.count_B)
        return [row[batch.weight_B > 0].cpu() for row in (seen.logits_BL.float(), batch.labels_BL, *gates)]

    def _budget(self) -> int | None:
        """Validation keeps exactly the target, so that the score does not depend on a threshold."""
        if not self.config.sparsity.has_target:
            return None
        return max(1, round(self.config.sparsity.target_timesteps))
