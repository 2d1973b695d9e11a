"""Sparsity of the gates: a budget drawn for each step, a controller with a target, or a fixed L0 weight.

With budgets (``anytime``) no penalty is weighed against the loss: a given number of timesteps is open, and the gates
learn which. Drawing a new budget for each step gives one model that is good at all of them. The gates learn most in
steps in which all timesteps are open: each counts by the sigmoid of its noisy score, so every gate gets a gradient.

A fixed weight tends to leave all gates open or all shut. The target mode is an augmented Lagrangian on the open
ratio p: the penalty ``multiplier * (p - target) + STIFFNESS * (p - target)^2``, a signed multiplier moved by
``RATE * (p - target)`` each step, and the target annealed from 1 so that gates shut in order of worth.
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
        warmup: Share of training without penalty and with every timestep open, so that the classifier first learns
            from whole videos, and the gates from every timestep.
        anneal: Share of training, after the warm-up, over which the weight rises or the target falls.
        open_every: After the warm-up, every n-th step opens all timesteps again, which keeps the classifier from
            specialising on the timesteps that the gates let through; None does not. Cheap from features; from pixels
            such a step runs HeavyNet on all timesteps.
    """

    mode: Literal["anytime", "target_timesteps", "l0_weight", "none"] = "anytime"
    target_timesteps: float = 8
    budgets: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    l0_weight: float = 0.5
    warmup: float = 0.5
    anneal: float = 0.3
    open_every: int | None = 3

    def __post_init__(self) -> None:
        if self.target_timesteps <= 0:
            raise ConfigError(f"sparsity.target_timesteps must be above 0, not {self.target_timesteps}")
        if not self.budgets or min(self.budgets) < 1:
            raise ConfigError(f"sparsity.budgets must be some numbers of at least 1, not {self.budgets}")
        if self.warmup < 0 or self.anneal < 0 or self.warmup + self.anneal > 1:
            raise ConfigError(
                f"sparsity.warmup {self.warmup} and anneal {self.anneal} must be shares of training, together <= 1"
            )
        if self.open_every is not None and self.open_every < 1:
            raise ConfigError(f"sparsity.open_every must be at least 1, not {self.open_every}")

    @property
    def has_penalty(self) -> bool:
        """Whether open gates are penalised in the loss."""
        return self.mode in ("target_timesteps", "l0_weight")

    @property
    def has_target(self) -> bool:
        """Whether the number of kept timesteps is set by the config and not by the loss."""
        return self.mode in ("target_timesteps", "anytime")


class Sparsity:
    """Budgets and penalty of one training run, as functions of its progress."""

    def __init__(self, config: SparsityConfig, *, candidates: int) -> None:
        """Set up for videos of this many candidate timesteps, of which the target becomes a share."""
        self.config = config
        self.target_ratio = min(1.0, config.target_timesteps / candidates)
        self.multiplier = 0.0

    @property
    def sparse_from(self) -> float:
        """Share of training after which the number of open timesteps no longer falls."""
        if self.config.mode == "none":
            return 0.0
        return self.config.warmup + (self.config.anneal if self.config.has_penalty else 0.0)

    def budget(self, candidates: int, *, progress: float, step: int, seed: int) -> int | None:
        """Budget of a step: all candidates, or a number drawn from the step's seed; None lets the gates choose.

        Args:
            candidates: Candidate timesteps of a video.
            progress: Share of training done, 0 to 1.
            step: Number of the step.
            seed: Seed of the step.
        """
        if self.opens_all(progress=progress, step=step):
            return candidates
        if self.config.mode != "anytime":
            return None
        return int(np.random.default_rng(seed).choice(self.config.budgets))

    def opens_all(self, *, progress: float, step: int) -> bool:
        """Whether every timestep is open in this step, regardless of the gates."""
        if self.config.mode == "none":
            return False
        again = self.config.open_every is not None and step % self.config.open_every == 0
        return progress < self.config.warmup or again

    def penalty(self, open_ratio: Tensor, *, progress: float) -> Tensor:
        """Term to add to the loss.

        Args:
            open_ratio: Expected share of open timesteps (see :func:`expected_open_ratio`), a scalar.
            progress: Share of training done, 0 to 1.
        """
        if not self.config.has_penalty or progress < self.config.warmup:
            return torch.zeros_like(open_ratio)
        if self.config.mode == "l0_weight":
            return self.config.l0_weight * self._ramp(progress) * open_ratio
        excess = open_ratio - self.current_target(progress)
        return self.multiplier * excess + STIFFNESS * excess**2

    def update(self, open_ratio: float, *, progress: float) -> None:
        """Move the multiplier after an optimiser step, with the ratio over all workers."""
        if self.config.mode == "target_timesteps" and progress >= self.config.warmup:
            self.multiplier += RATE * (open_ratio - self.current_target(progress))

    def current_target(self, progress: float) -> float:
        """Target ratio at this progress: 1 until the end of the warm-up, then falling to the final target."""
        return 1.0 + self._ramp(progress) * (self.target_ratio - 1.0)

    def _ramp(self, progress: float) -> float:
        if self.config.anneal == 0:
            return float(progress >= self.config.warmup)
        return min(1.0, max(0.0, (progress - self.config.warmup) / self.config.anneal))


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
