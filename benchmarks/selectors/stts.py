"""The best timesteps under noise, averaged, after STTS (Wang et al., ECCV 2022: the perturbed maximum).

As there: in training a timestep weighs as often as it is among the best of many noisy copies of the scores, and the
gradient is that of this mean; at inference the best are kept. Simplified: scores are not scaled to [0, 1], the noise
does not decrease, and tokens of frames are not chosen.
"""

import torch
from torch import Tensor

from benchmarks.selectors.draws import at_places
from epitoma.core.registry import register

PICKED = 8
COPIES = 100
SIGMA = 0.5
"""Deviation of the noise."""


PERTURBED = "perturbed"


@register("gate", PERTURBED)
class PerturbedMaximum:
    """The share of noisy copies in which a timestep is among the best."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value: 0 where it never is; ``noise`` is not used, since many copies are needed."""
        return _Perturbed.apply(alpha)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """The same share for a score alone is not known; nothing is penalised here, so it is not needed."""
        return torch.sigmoid(alpha)


class _Perturbed(torch.autograd.Function):
    """Mean of top-k indicators under noise; its gradient is that of Cordonnier et al. (CVPR 2021)."""

    @staticmethod
    def forward(ctx, alpha_BT: Tensor) -> Tensor:
        """Weights of the timesteps."""
        noise_NBT = torch.randn(COPIES, *alpha_BT.shape)
        places = (alpha_BT + SIGMA * noise_NBT).topk(min(PICKED, alpha_BT.shape[1]), dim=2).indices
        best_NBT = torch.stack([at_places(each, alpha_BT) for each in places]).float()
        ctx.save_for_backward(noise_NBT, best_NBT)
        return best_NBT.mean(dim=0)

    @staticmethod
    def backward(ctx, gradient_BT: Tensor) -> Tensor:
        """By the noise with which a timestep was among the best."""
        noise_NBT, best_NBT = ctx.saved_tensors
        moved_NB1 = (best_NBT * gradient_BT).sum(dim=2, keepdim=True)
        return (moved_NB1 * noise_NBT).mean(dim=0) / SIGMA
