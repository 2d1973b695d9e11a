"""The gate's forms: from a score to a value in [0, 1] that is exactly 0 where shut.

Each form says what the gate is under training noise, and how likely that gate is to be open (its expected
L0 norm). At inference all of them are a step on the score: see ``gating.py``.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

GateName = Literal["clipped_sigmoid", "binary", "hard_concrete", "soft"]


class Gate(Protocol):
    """A gate's form in training."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value for score ``alpha`` under logistic ``noise``."""
        ...

    def open_probability(self, alpha: Tensor) -> Tensor:
        """P(gate > 0) over the noise."""
        ...


@dataclass(frozen=True)
class ClippedSigmoid:
    """``sigmoid(alpha + noise)``, clipped below 0.5 to 0 with no gradient there (paper equation 4)."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value in {0} and (0.5, 1)."""
        gate = torch.sigmoid(alpha + noise)
        return gate.where(gate > 0.5, 0)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """Logistic noise makes this ``sigmoid(alpha)`` exactly."""
        return torch.sigmoid(alpha)


@dataclass(frozen=True)
class BinaryGumbel:
    """A step on ``alpha + noise`` with the sigmoid's gradient: the straight-through baseline of the paper."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value 0 or 1; its gradient is the sigmoid's, also where shut."""
        soft = torch.sigmoid(alpha + noise)
        return (soft > 0.5).to(soft.dtype) + soft - soft.detach()

    def open_probability(self, alpha: Tensor) -> Tensor:
        """As for the clipped sigmoid: both open where ``alpha + noise > 0``."""
        return torch.sigmoid(alpha)


@dataclass(frozen=True)
class HardConcrete:
    """A stretched and clamped concrete variable (Louizos et al. 2018, equations 10 to 12)."""

    beta: float = 2 / 3
    gamma: float = -0.1
    zeta: float = 1.1

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value in [0, 1], with mass at both ends."""
        stretched = torch.sigmoid((alpha + noise) / self.beta) * (self.zeta - self.gamma) + self.gamma
        return stretched.clamp(0, 1)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """Probability that the stretched variable is above 0."""
        return torch.sigmoid(alpha - self.beta * math.log(-self.gamma / self.zeta))


@dataclass(frozen=True)
class SoftAttention:
    """``sigmoid(alpha + noise)``: every timestep counts, by as much; for comparison, since nothing is ever skipped."""

    def value(self, alpha: Tensor, noise: Tensor) -> Tensor:
        """Gate value in (0, 1)."""
        return torch.sigmoid(alpha + noise)

    def open_probability(self, alpha: Tensor) -> Tensor:
        """Always open."""
        return torch.ones_like(alpha)


GATES: dict[GateName, Gate] = {
    "clipped_sigmoid": ClippedSigmoid(),
    "binary": BinaryGumbel(),
    "hard_concrete": HardConcrete(),
    "soft": SoftAttention(),
}
