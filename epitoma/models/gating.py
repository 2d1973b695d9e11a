"""Gating: opens timesteps on the selector's scores, by stochastic gates, by budgets or by a threshold."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import epitoma.models.gates  # noqa: F401  (registers the gates)
from epitoma.core.registry import registered
from epitoma.core.selection import Selection
from epitoma.models.parts import Gate

BEST_SHARE = 0.5
"""Share of the best score in a video that :func:`lead` subtracts where gates open above a calibrated threshold."""

BUDGET_NOISE = 0.2
"""Factor on the noise where a budget says how many timesteps are open: the paper's noise would hide the scores."""


class Gating(nn.Module):
    """Opens timesteps; it has no weights of its own.

    Which timesteps stay open depends on two arguments, not on the module's mode; what gives a step of training its
    budget is ``training/sparsity.py``:

    - noise and a budget (training, the ``anytime`` mode): the budget's number of timesteps with the highest noisy
      scores, with the sigmoid of the noisy score as gate value, so that one model serves all budgets;
    - noise alone (training, the paper's way): the configured stochastic gate (``gates.py``);
    - a budget alone (inference): the budget's number of timesteps with the highest scores;
    - neither (inference, gates decide): the timesteps above a threshold, 0 in the paper and else calibrated on
      validation.

    The best timestep of every video stays open in any case, on which the paper is silent: a video without any open
    timestep has nothing to classify, and gives no gradient.
    """

    @dataclass(kw_only=True)
    class Config:
        """How timesteps are opened.

        Attributes:
            gate: Gate in training: ``clipped_sigmoid`` (the paper's), ``binary``, ``hard_concrete``, or a plugin's.
        """

        gate: str = "clipped_sigmoid"

    open_threshold: Tensor
    best_share: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate: Gate = registered("gate", config.gate)()
        # Buffers, so that a calibrated threshold is saved with the weights.
        self.register_buffer("open_threshold", torch.zeros(()))
        self.register_buffer("best_share", torch.zeros(()))

    def forward(
        self,
        alpha_BT: Tensor,
        valid_BT: Tensor,
        *,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
    ) -> Selection:
        """Open timesteps.

        Args:
            alpha_BT: Scores.
            valid_BT: False for padding.
            noise_BT: Logistic noise in training; None at inference.
            budget: Keep exactly this many of the best timesteps (all valid ones, where there are fewer); None keeps
                those whose gates are open.
        """
        # Mixed precision ends here: near a threshold, 8 bits of a score are too few.
        alpha_BT = alpha_BT.float()
        if noise_BT is None:
            return self._at_inference(alpha_BT, valid_BT, budget=budget)
        if budget is None:
            return self._selection(alpha_BT, self._stochastic_gate(alpha_BT, noise_BT, valid_BT), valid_BT)
        noisy_BT = alpha_BT + BUDGET_NOISE * noise_BT
        return self._selection(alpha_BT, _open_weight(noisy_BT) * top_k(noisy_BT, valid_BT, budget), valid_BT)

    def _at_inference(self, alpha_BT: Tensor, valid_BT: Tensor, *, budget: int | None) -> Selection:
        kept_BT = top_k(alpha_BT, valid_BT, 1 if budget is None else budget)
        if budget is None:
            above_BT = lead(alpha_BT, valid_BT, share=self.best_share) > self.open_threshold
            kept_BT = kept_BT | (above_BT & valid_BT)
        return self._selection(alpha_BT, kept_BT.to(alpha_BT.dtype), valid_BT)

    def reset_threshold(self) -> None:
        """Open gates at inference where the score is above 0, as in the paper."""
        self.open_threshold.zero_()
        self.best_share.zero_()

    def set_threshold(self, threshold: float) -> None:
        """Open gates at inference where the lead (see :func:`lead`) is above a threshold."""
        self.open_threshold.fill_(threshold)
        self.best_share.fill_(BEST_SHARE)

    def _selection(self, alpha_BT: Tensor, gate_BT: Tensor, valid_BT: Tensor) -> Selection:
        probability_BT = self.gate.open_probability(alpha_BT) * valid_BT
        return Selection(
            alpha_BT=alpha_BT,
            gate_BT=gate_BT,
            open_probability_BT=probability_BT,
            valid_BT=valid_BT,
        )

    def _stochastic_gate(self, alpha_BT: Tensor, noise_BT: Tensor, valid_BT: Tensor) -> Tensor:
        gate_BT = self.gate.value(alpha_BT, noise_BT) * valid_BT
        # The best timestep stays open even where the clip shut it: it gets the value that the clip removed.
        rescued_BT = top_k(alpha_BT + noise_BT, valid_BT, 1) & (gate_BT <= 0)
        return torch.where(rescued_BT, _open_weight(alpha_BT + noise_BT), gate_BT)


def _open_weight(score_BT: Tensor) -> Tensor:
    """Gate value of an open timestep: the sigmoid of its score, but at least 1e-6, since 0 would mean shut."""
    return torch.sigmoid(score_BT).clamp_min(1e-6)


def lead(alpha_BT: Tensor, valid_BT: Tensor, *, share: Tensor | float = BEST_SHARE) -> Tensor:
    """Score of each timestep less a share of the best in its video, ``(B, T)``, comparable across videos.

    The level of a video's scores depends partly on its timesteps and partly on the video as a whole; subtracting a
    share of the best removes part of the latter.
    """
    best_B1 = alpha_BT.masked_fill(~valid_BT, -math.inf).amax(dim=1, keepdim=True)
    return alpha_BT - share * best_B1


def top_k(score_BT: Tensor, valid_BT: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` best valid timesteps of each video (all valid ones, where there are fewer), ``(B, T)``.

    Raises:
        ValueError: ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"at least one timestep must be kept, not {count}")
    masked_BT = score_BT.detach().masked_fill(~valid_BT, float("-inf"))
    best_BK = masked_BT.topk(min(count, score_BT.shape[1]), dim=1).indices
    # Where fewer than `count` are valid, topk also returns padding.
    return torch.zeros_like(valid_BT).scatter(1, best_BK, True) & valid_BT


def logistic_noise(shape: tuple[int, ...], *, generator: torch.Generator) -> Tensor:
    """Standard logistic noise, which is the difference of two Gumbel variables."""
    # rand can return exactly 0, whose logit is minus infinity.
    uniform = torch.rand(shape, generator=generator).clamp(1e-6, 1 - 1e-6)
    return torch.logit(uniform)
