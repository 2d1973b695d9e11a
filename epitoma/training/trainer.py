"""Optimiser steps: forward, loss, backward, and the updates of weights and sparsity."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from epitoma.core.errors import DivergedError
from epitoma.core.sampling import stable_seed
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.batch import Batch
from epitoma.training.context import TrainContext
from epitoma.training.loop_config import LoopConfig
from epitoma.training.losses import loss_of
from epitoma.training.metrics import hits
from epitoma.training.optimisation import make_optimizer
from epitoma.training.sparsity import Sparsity, expected_open_ratio
from epitoma.training.sums import Sums


class Trainer:
    """Takes optimiser steps on one model; DistributedDataParallel averages gradients over workers.

    Args:
        module: The model, on the context's device.
        config: How to train it.
        context: Context of this worker.
    """

    def __init__(self, module: VideoEpitoma, config: LoopConfig, context: TrainContext) -> None:
        self.module = module
        self.config = config
        self.context = context
        self.optimizer = make_optimizer(module, config.optimisation)
        self.loss = loss_of(config.loss, multi_label=config.multi_label)
        self.sparsity = Sparsity(config.sparsity, candidates=config.timesteps)
        # The same weights: forward goes through this one, so that backward exchanges gradients; all else uses `module`.
        self.parallel_model = context.wrap(module)

    def step(self, epoch: int, step: int, batch: Batch) -> Sums:
        """Take one optimiser step on this worker's batch; returns the batch's sums.

        Raises:
            DivergedError: Scores or gradients are not finite.
        """
        torch.manual_seed(stable_seed(self.config.seed, "dropout", epoch, step, self.context.rank))
        self.optimizer.zero_grad(set_to_none=True)
        # Summed over workers: they may have unequal numbers of videos, and each video must have the same weight.
        videos = self.context.sum(batch.weight_B.sum()).clamp_min(1)
        parts = batch.parts(self.config.optimisation.accumulate)
        sums, open_ratio = Sums.zero(self.context.device), 0.0
        for number, part in enumerate(parts, start=1):
            with self._gradient_exchange(number == len(parts)):
                loss, counted, part_ratio = self._forward(part, epoch, step, videos, parts=len(parts))
                loss.backward()
            sums, open_ratio = sums + counted, open_ratio + float(part_ratio) / len(parts)
        self._move_weights()
        self.sparsity.update(open_ratio)
        return sums

    def _forward(
        self, batch: Batch, epoch: int, step: int, videos: Tensor, *, parts: int
    ) -> tuple[Tensor, Sums, Tensor]:
        """Forward one part of a step; returns its loss, its sums, and the ratio of open gates over all workers."""
        recognition = self.parallel_model(batch.candidates, **self._gating(batch, epoch, step))
        loss_B = self.loss(recognition, batch.labels_BL)
        # DistributedDataParallel divides by the number of workers, but `videos` is already a sum over workers.
        loss = (loss_B * batch.weight_B).sum() * self.context.world_size / videos
        ratio = expected_open_ratio(recognition.selection, batch.weight_B)
        mean_ratio = self.context.sum(ratio) / self.context.world_size
        if batch.noise_BT is not None:
            # The value is the mean over workers, the gradient this worker's own: DistributedDataParallel averages it.
            everywhere = ratio + (mean_ratio - ratio).detach()
            loss = loss + self.sparsity.penalty(everywhere) / parts
        counted = Sums.over(
            batch.weight_B,
            loss_B=loss_B,
            hit_B=hits(recognition.logits_BL, batch.labels_BL),
            timesteps_B=recognition.selection.count_B,
        )
        return loss, counted, mean_ratio

    def _gradient_exchange(self, is_due: bool) -> AbstractContextManager:
        """Let DistributedDataParallel exchange gradients only in the last part of a step."""
        if is_due or not isinstance(self.parallel_model, DistributedDataParallel):
            return nullcontext()
        return self.parallel_model.no_sync()

    def _gating(self, batch: Batch, epoch: int, step: int) -> dict[str, Any]:
        """Arguments of forward that open the gates: noise and perhaps a budget, or a fixed choice (``open_BT``)."""
        if batch.noise_BT is None:
            return {"open_BT": batch.open_BT}
        seed = stable_seed(self.config.seed, "budget", epoch, step)
        return {"noise_BT": batch.noise_BT, "budget": self.sparsity.budget(seed=seed)}

    def _move_weights(self) -> None:
        if not all(norm.isfinite() for norm in self._clipped()):
            raise DivergedError("its gradients are not finite")
        self.optimizer.step()

    def _clipped(self) -> list[Tensor]:
        """Clip the gradients of each part of the model by themselves; returns their norms from before.

        One norm over all would be set by HeavyNet, whose gradients are a hundred times those of the head.
        """
        limit = self.config.optimisation.gradient_norm
        parts = [list(self.module.head_parameters())]
        if self.module.networks is not None:
            parts += [
                list(net.parameters()) for net in (self.module.networks.light, self.module.networks.heavy)
            ]
        return [clip_grad_norm_(part, math.inf if limit is None else limit) for part in parts]
