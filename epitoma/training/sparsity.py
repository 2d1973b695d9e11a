"""Sparsity of the gates: a budget drawn for each step, a controller with a target, or a fixed L0 weight.

With budgets (``anytime``) no penalty is weighed against the loss: a given number of timesteps is open, and the gates
learn which. Drawing a new budget for each step gives one model that is good at all of them.

The target mode is an augmented Lagrangian on the open ratio p: the penalty
``multiplier * (p - target) + STIFFNESS * (p - target)^2``, a signed multiplier moved by ``RATE * (p - target)`` each
step. A fixed weight is the paper's way; which number of timesteps it leaves open is seen only afterwards.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from epitoma.core.errors import ConfigError
from epitoma.core.selection import Selection

STIFFNESS = 5.0
"""Weight of the squared distance to the target."""

RATE = 0.02
"""Step size of the multiplier."""


@dataclass(kw_only=True)
class SparsityConfig:
    """How many timesteps the gates should leave open.

    Attributes:
        mode: ``anytime``, ``target_timesteps``, ``l0_weight`` (the paper's), or ``none``.
        target_timesteps: Timesteps to keep of the T candidates at inference, unless another number is asked for.
        budgets: With ``anytime``, the numbers of open timesteps from which each training step draws one.
        l0_weight: Weight of the mean open probability in the loss.
    """

    mode: Literal["anytime", "target_timesteps", "l0_weight", "none"] = "anytime"
    target_timesteps: float = 8
    budgets: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    l0_weight: float = 0.1

    def __post_init__(self) -> None:
        if self.target_timesteps <= 0:
            raise ConfigError(f"sparsity.target_timesteps must be above 0, not {self.target_timesteps}")
        if not self.budgets or min(self.budgets) < 1:
            raise ConfigError(f"sparsity.budgets must be some numbers of at least 1, not {self.budgets}")

    @property
    def has_penalty(self) -> bool:
        """Whether open gates are penalised in the loss."""
        return self.mode in ("target_timesteps", "l0_weight")

    @property
    def has_target(self) -> bool:
        """Whether the number of kept timesteps is set by the config and not by the loss."""
        return self.mode in ("target_timesteps", "anytime")


class Sparsity:
    """Budgets and penalty of one training run."""

    def __init__(self, config: SparsityConfig, *, candidates: int) -> None:
        """Set up for videos of this many candidate timesteps, of which the target becomes a share."""
        self.config = config
        self.target_ratio = min(1.0, config.target_timesteps / candidates)
        self.multiplier = 0.0

    def budget(self, *, seed: int) -> int | None:
        """Budget of a step, drawn from the step's seed; None lets the gates choose."""
        if self.config.mode != "anytime":
            return None
        return int(np.random.default_rng(seed).choice(self.config.budgets))

    def penalty(self, open_ratio: Tensor) -> Tensor:
        """Term to add to the loss.

        Args:
            open_ratio: Expected share of open timesteps (see :func:`expected_open_ratio`), a scalar.
        """
        if self.config.mode == "l0_weight":
            return self.config.l0_weight * open_ratio
        if self.config.mode == "target_timesteps":
            excess = open_ratio - self.target_ratio
            return self.multiplier * excess + STIFFNESS * excess**2
        return torch.zeros_like(open_ratio)

    def update(self, open_ratio: float) -> None:
        """Move the multiplier after an optimiser step, with the ratio over all workers."""
        if self.config.mode == "target_timesteps":
            self.multiplier += RATE * (open_ratio - self.target_ratio)


def expected_open_ratio(selection: Selection, weight_B: Tensor) -> Tensor:
    """Mean probability to be open over valid timesteps, the expected L0 norm (paper section 3.1).

    Args:
        selection: The gates of a batch.
        weight_B: Weight of each video; videos of weight 0 do not count.
    """
    valid_BT = selection.valid_BT * weight_B[:, None]
    # At least 1, for a batch in which no video could be read.
    return (selection.open_probability_BT * valid_BT).sum() / valid_BT.sum().clamp_min(1)


def calibrated_threshold(lead_VT: Tensor, valid_VT: Tensor, *, target_timesteps: float) -> float:
    """Threshold on the lead at which a set of videos keeps ``target_timesteps`` timesteps on average.

    Training and inference see different candidates, for which the gates open at different rates; therefore the
    threshold is set on validation videos. It is minus infinity where all timesteps are to be kept.
    """
    leads = lead_VT[valid_VT].sort(descending=True).values
    keep = round(target_timesteps * len(lead_VT))
    if keep >= len(leads):
        return float("-inf")
    keep = max(1, keep)
    # Half way between the last kept and the first dropped, with a margin to both.
    return float((leads[keep - 1] + leads[keep]) / 2)
