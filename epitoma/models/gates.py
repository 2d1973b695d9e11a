"""Gates: stochastic functions from a score to a value in [0, 1] that is exactly 0 where the gate is shut.

Each gate defines its value under training noise and its probability to be open (its expected L0 norm). At inference
every gate is a step on the score: see ``gating.py``.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from epitoma.core.registry import register


@register("gate", "clipped_sigmoid")
@dataclass(frozen=True)
class ClippedSigmoid:
    """``sigmoid(alpha + noise)``, clipped below 0.5 to 0 with no gradient there (paper section 3.1)."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value in {0} and (0.5, 1)."""
        gate = torch.sigmoid(alpha + noise)
        return gate.where(gate > 0.5, 0)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """``sigmoid(alpha)``, exactly, because the noise is logistic."""
        return torch.sigmoid(alpha)


@register("gate", "binary")
@dataclass(frozen=True)
class BinaryGumbel:
    """A step on ``alpha + noise`` with the gradient of the sigmoid: the paper's baseline."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value 0 or 1, with the gradient of the sigmoid also where it is shut."""
        soft = torch.sigmoid(alpha + noise)
        # For a shut gate, 0 + soft - soft is exactly 0, so it is not above 0 by a rounding error.
        return (soft > 0.5).to(soft.dtype) + soft - soft.detach()

    def open_probability(self, alpha: Tensor) -> Tensor:
        """``sigmoid(alpha)``, as for the clipped sigmoid: both open where ``alpha + noise > 0``."""
        return torch.sigmoid(alpha)


@register("gate", "hard_concrete")
@dataclass(frozen=True)
class HardConcrete:
    """A stretched and clamped concrete variable (Louizos et al. 2018, equations 10 to 12)."""

    beta: float = 2 / 3
    gamma: float = -0.1
    zeta: float = 1.1

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value in [0, 1], with positive probability of exactly 0 and exactly 1."""
        stretched = torch.sigmoid((alpha + noise) / self.beta) * (self.zeta - self.gamma) + self.gamma
        return stretched.clamp(0, 1)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """Probability that the stretched variable is above 0."""
        return torch.sigmoid(alpha - self.beta * math.log(-self.gamma / self.zeta))
