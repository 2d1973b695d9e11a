"""Evidence of each class at each timestep, by one linear layer a network, learnt from the labels of whole videos.

LightNet's evidence says which timesteps to keep, HeavyNet's of those says the class. Both learn as multiple instances:
the evidence of a class in a video is the mean over the class's best timesteps, of which there are fewer and fewer in
the course of training, and each class is present or absent by itself (binary cross-entropy), so that a timestep which
shows nothing has little evidence of everything. A softmax over classes would leave that level open.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores, Selection
from epitoma.models.packing import pad
from epitoma.models.parts import ClassifierConfig, SelectorConfig
from epitoma.models.saliency import best_mean

ANNEALED_BY = 0.6
"""Share of training after which only the best timesteps of a class count."""

SMOOTHINGS = 2
"""Times that evidence is averaged with that of the timesteps before and after."""

ABSENT = -2.0
"""Initial logit: most classes are absent from a video."""


class Evidence(nn.Module):
    """One linear layer on features that are tempered by a signed root, centred and scaled to one length."""

    centre_C: Tensor
    centred: Tensor

    def __init__(self, *, channels: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("centre_C", torch.zeros(channels))
        self.register_buffer("centred", torch.zeros((), dtype=torch.bool))
        # Without its factors and offsets one rate fits either the 1000 weights of a class or its bias, and not both.
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, classes)
        nn.init.constant_(self.linear.bias, ABSENT)

    def forward(self, x_NC: Tensor) -> Tensor:
        """Logits ``(..., L)`` of features ``(..., C)``."""
        rooted_NC = x_NC.sign() * x_NC.abs().sqrt()
        if self.training and not self.centred:
            self.centre_C.copy_(rooted_NC.flatten(0, -2).mean(dim=0))
            self.centred.fill_(True)
        return self.linear(self.dropout(self.norm(rooted_NC - self.centre_C)))


def smoothed(x_BTL: Tensor, valid_BT: Tensor) -> Tensor:
    """Mean of each timestep with its neighbours, ``SMOOTHINGS`` times over; padding is nobody's neighbour.

    What a video shows lasts for longer than a timestep, and what only seems to be there does not.
    """
    near_B1T = _over_neighbours(valid_BT[:, None].to(x_BTL.dtype)).clamp_min(1e-6)
    x_BLT = x_BTL.transpose(1, 2)
    for _ in range(SMOOTHINGS):
        x_BLT = _over_neighbours(x_BLT.where(valid_BT[:, None], 0)) / near_B1T
    return x_BLT.transpose(1, 2)


def _over_neighbours(x_BLT: Tensor) -> Tensor:
    return F.avg_pool1d(x_BLT, 3, stride=1, padding=1)


class BestMean(nn.Module):
    """Mean of each class's best logits in a video; in training over all of them at first."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.progress = 0.0

    def anneal(self, progress: float) -> None:
        """Set how much of training is done."""
        self.progress = progress

    def forward(self, logits_BTL: Tensor, open_BT: Tensor, candidates_B: Tensor) -> Tensor:
        """Logits of the videos, ``(B, L)``."""
        done = min(1.0, self.progress / ANNEALED_BY) if self.training else 1.0
        share = 1 - (1 - self.share) * done
        count_B = (candidates_B * share).round().clamp_min(1).minimum(open_BT.sum(dim=1))
        return best_mean(logits_BTL, open_BT, count_B)


class OnEvidence(nn.Module):
    """What selector and classifier share: evidence of its network's features, and its mean over a video."""

    @dataclass(kw_only=True)
    class Config:
        """Options.

        Attributes:
            dropout: Share of channels dropped in training.
            share: Share of a video's timesteps over which the evidence of a class is averaged.
        """

        dropout: float = 0.5
        share: float = 0.1

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.evidence = Evidence(channels=channels, classes=classes, dropout=config.dropout)
        self.pool = BestMean(config.share)


@register("selector", "evidence")
class EvidenceSelector(OnEvidence):
    """Scores a timestep by its evidence of a class, and by how likely the video is of that class."""

    @dataclass(kw_only=True)
    class Config(OnEvidence.Config, SelectorConfig):
        """As of the classifier."""

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep, and classify the videos by LightNet's features alone."""
        logits_BTL = smoothed(self.evidence(light_BTC), valid_BT)
        video_BL = self.pool(logits_BTL, valid_BT, valid_BT.sum(dim=1))
        likely_BTL = logits_BTL + video_BL.log_softmax(dim=1)[:, None]
        return Scores(alpha_BT=likely_BTL.detach().amax(dim=2), light_logits_BL=video_BL)


@register("classifier", "evidence")
class EvidenceClassifier(OnEvidence):
    """Averages the evidence of each class over its best among the open timesteps."""

    @dataclass(kw_only=True)
    class Config(OnEvidence.Config, ClassifierConfig):
        """As of the selector."""

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify, ``(B, L)``."""
        logits_BKL = pad(self.evidence(heavy_PC), selection.open_BT)
        open_BK = pad(torch.ones_like(heavy_PC[:, 0], dtype=torch.bool), selection.open_BT)
        return self.pool(logits_BKL, open_BK, selection.valid_BT.sum(dim=1))
