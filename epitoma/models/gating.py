"""GatingModule: from concept similarities to which timesteps are open (paper section 3.3)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from epitoma.core.selection import Selection
from epitoma.models.gates import GATES, GateName
from epitoma.models.redundancy import worth

BEST_SHARE = 0.5
"""Share of a video's best worth that its timesteps are measured from, where gates open by a calibrated threshold."""


class GatingModule(nn.Module):
    """Two-layer MLP from similarities to one score a timestep, and the gate on that score.

    With noise (training) the gate is the chosen stochastic form; without (inference) a step on the score says
    what is open. In both, the best-scored timestep of every video stays open, because a video with nothing open
    teaches nothing and the gates never reopen. With a budget exactly so many are open, in training those of the
    highest noisy scores, with the sigmoid of these as gates: one model then serves every budget it was trained on.
    Where timesteps are chosen by a budget or at inference, likeness to better ones counts against them.
    """

    @dataclass(kw_only=True)
    class Config:
        """Form of the gate.

        Attributes:
            hidden_channels: Width of the MLP.
            gate: Form of the gate in training.
            budget_noise: What the noise is multiplied with where a budget says how many are open.
            redundancy: What a timestep's score loses for being just like a better one, half of it in training, where
                noise spreads what is kept as well; the paper has 0.
            score_bound: Scores are bounded to +-bound by a scaled tanh, so that no gate saturates for good;
                None leaves them free, as in the paper.
            weigh_kept: At inference a kept timestep counts with the sigmoid of its score, as in training without
                noise, so that those kept with little conviction weigh less; False counts each as 1, as the paper
                does.
        """

        hidden_channels: int = 64
        gate: GateName = "clipped_sigmoid"
        budget_noise: float = 0.2
        redundancy: float = 1.0
        score_bound: float | None = 5.0
        weigh_kept: bool = True

    open_threshold: Tensor
    best_share: Tensor

    def __init__(self, config: Config, *, kernels: int) -> None:
        super().__init__()
        self.gate = GATES[config.gate]
        self.budget_noise = config.budget_noise
        self.redundancy = config.redundancy
        self.score_bound = config.score_bound
        self.weigh_kept = config.weigh_kept
        self.mlp = nn.Sequential(
            nn.Linear(kernels, config.hidden_channels), nn.ReLU(), nn.Linear(config.hidden_channels, 1)
        )
        self.register_buffer("open_threshold", torch.zeros(()))
        self.register_buffer("best_share", torch.zeros(()))

    def forward(
        self,
        similarity_BTN: Tensor,
        light_BTC: Tensor,
        valid_BT: Tensor,
        *,
        hint_BT: Tensor | None = None,
        noise_BT: Tensor | None = None,
        budget: int | None = None,
    ) -> Selection:
        """Score and gate every timestep.

        Args:
            similarity_BTN: Similarities to the concept kernels.
            light_BTC: LightNet's features, by which timesteps are judged alike.
            valid_BT: False for padding.
            hint_BT: Added to the score before it is bounded (see ``saliency.py``).
            noise_BT: Logistic noise for training; None for inference.
            budget: Keep exactly this many best-scored timesteps (all, where fewer are valid) instead of
                those that the gates leave open by themselves.
        """
        alpha_BT = self.score(similarity_BTN, hint_BT)
        if noise_BT is None:
            worth_BT = worth(alpha_BT, light_BTC, valid_BT, redundancy=self.redundancy, taken=budget)
            return self.keep(alpha_BT, worth_BT, valid_BT, budget=budget)
        if budget is None:
            gate_BT = self._stochastic_gate(alpha_BT, noise_BT, valid_BT)
            return self._selection(alpha_BT, alpha_BT, gate_BT, valid_BT)
        noisy_BT = alpha_BT + self.budget_noise * noise_BT
        # Where all are open likeness changes nothing, and to find it would cost the most.
        redundancy = self.redundancy / 2 if budget < alpha_BT.shape[1] else 0.0
        worth_BT = worth(noisy_BT, light_BTC, valid_BT, redundancy=redundancy, taken=budget)
        gate_BT = _open_weight(noisy_BT) * top_k(worth_BT, valid_BT, budget)
        return self._selection(alpha_BT, worth_BT, gate_BT, valid_BT)

    def keep(self, alpha_BT: Tensor, worth_BT: Tensor, valid_BT: Tensor, *, budget: int | None) -> Selection:
        """Gate timesteps of known score and worth at inference, which need not be found again for every budget."""
        kept_BT = top_k(worth_BT, valid_BT, budget or 1)
        if budget is None:
            lead_BT = lead(worth_BT, valid_BT, share=self.best_share)
            kept_BT = (lead_BT > self.open_threshold) & valid_BT | kept_BT
        return self._selection(alpha_BT, worth_BT, self._weight(alpha_BT) * kept_BT, valid_BT)

    def open_above_zero(self) -> None:
        """Open gates at inference where the score is above 0, as in the paper."""
        self.open_threshold.zero_()
        self.best_share.zero_()

    def open_above(self, threshold: float) -> None:
        """Open gates at inference where the lead (see :func:`lead`) is above a threshold."""
        self.open_threshold.fill_(threshold)
        self.best_share.fill_(BEST_SHARE)

    def score(self, similarity_BTN: Tensor, hint_BT: Tensor | None = None) -> Tensor:
        """The bounded score alpha, ``(B, T, N) -> (B, T)``."""
        alpha_BT = self.mlp(similarity_BTN).squeeze(-1)
        if hint_BT is not None:
            alpha_BT = alpha_BT + hint_BT
        if self.score_bound is None:
            return alpha_BT
        return self.score_bound * torch.tanh(alpha_BT / self.score_bound)

    def _selection(self, alpha_BT: Tensor, worth_BT: Tensor, gate_BT: Tensor, valid_BT: Tensor) -> Selection:
        probability_BT = self.gate.open_probability(alpha_BT) * valid_BT
        return Selection(
            alpha_BT=alpha_BT,
            worth_BT=worth_BT,
            gate_BT=gate_BT,
            open_probability_BT=probability_BT,
            valid_BT=valid_BT,
        )

    def _weight(self, alpha_BT: Tensor) -> Tensor:
        """What a kept timestep counts at inference."""
        return _open_weight(alpha_BT) if self.weigh_kept else torch.ones_like(alpha_BT)

    def _stochastic_gate(self, alpha_BT: Tensor, noise_BT: Tensor, valid_BT: Tensor) -> Tensor:
        gate_BT = self.gate.value(alpha_BT, noise_BT) * valid_BT
        rescued_BT = top_k(alpha_BT + noise_BT, valid_BT, 1) & (gate_BT <= 0)
        return torch.where(rescued_BT, _open_weight(alpha_BT + noise_BT), gate_BT)


def _open_weight(score_BT: Tensor) -> Tensor:
    """Weight of an open timestep; never 0, which would shut it."""
    return torch.sigmoid(score_BT).clamp_min(1e-6)


def lead(worth_BT: Tensor, valid_BT: Tensor, *, share: Tensor | float = BEST_SHARE) -> Tensor:
    """Worth of timesteps less a share of the best one's in the video, by which videos are compared, ``(B, T)``.

    How high all scores of a video are says something of its timesteps, and something of the video alone.
    """
    best_B1 = worth_BT.masked_fill(~valid_BT, -math.inf).amax(dim=1, keepdim=True)
    return worth_BT - share * best_B1


def top_k(score_BT: Tensor, valid_BT: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` best valid timesteps of each video (all of them, where fewer are valid)."""
    if count < 1:
        raise ValueError(f"at least one timestep must be kept, not {count}")
    masked_BT = score_BT.detach().masked_fill(~valid_BT, float("-inf"))
    best_BK = masked_BT.topk(min(count, score_BT.shape[1]), dim=1).indices
    return torch.zeros_like(valid_BT).scatter(1, best_BK, True) & valid_BT


def logistic_noise(shape: tuple[int, ...], *, generator: torch.Generator) -> Tensor:
    """Standard logistic noise, the difference of two Gumbel variables."""
    uniform = torch.rand(shape, generator=generator).clamp(1e-6, 1 - 1e-6)
    return torch.logit(uniform)
