"""Evidence of each class at each timestep, learnt from the labels of whole videos.

LightNet's evidence says which timesteps to keep, HeavyNet's of those says the class. Both learn as multiple instances:
the evidence of a class in a video is the mean over the class's best timesteps, of which there are fewer and fewer in
the course of training, and each class is present or absent by itself (binary cross-entropy), so that a timestep which
shows nothing has little evidence of everything. A softmax over classes would leave that level open.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from epitoma.core.registry import register
from epitoma.core.selection import Scores, Selection
from epitoma.models.concept_kernels import ConceptKernels
from epitoma.models.packing import pad
from epitoma.models.parts import ClassifierConfig, SelectorConfig
from epitoma.models.saliency import best_mean
from epitoma.training.losses import MULTI_LABEL

ANNEALED_BY = 0.6
"""Share of training after which only the best timesteps of a class count."""

FEW = 0.25
"""Share of the kept timesteps that may be all that shows a class: the others were kept for other classes."""

EVIDENCE_WEIGHT = 0.2
"""Weight of the evidence itself among what says which timesteps to keep."""

ABSENT = -2.0
"""Initial logit: most classes are absent from a video."""


class Evidence(nn.Module):
    """Logit of each class at each timestep: tempered features, concept kernels, and a linear layer."""

    centre_C: Tensor
    centred: Tensor

    def __init__(self, *, channels: int, kernels: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("centre_C", torch.zeros(channels))
        self.register_buffer("centred", torch.zeros((), dtype=torch.bool))
        # Without its factors and offsets one rate fits either the weights of a kernel or its level, and not both.
        self.norm = nn.LayerNorm(channels)
        self.kernels = ConceptKernels(kernels=kernels, channels=channels)
        self.linear = nn.Linear(kernels, classes)
        self.dropout = dropout
        nn.init.constant_(self.linear.bias, ABSENT)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Logits ``(B, T, L)``."""
        concepts_BTN = self.concepts(x_BTC).relu()
        return self.linear(self._drop_channels(concepts_BTN))

    def concepts(self, x_BTC: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``."""
        return self.kernels(self._drop_channels(self.norm(self._tempered(x_BTC))))

    def _tempered(self, x_BTC: Tensor) -> Tensor:
        """Features whose few large channels do not drown the others, less what all timesteps have in common."""
        rooted_BTC = x_BTC.abs().sqrt().copysign(x_BTC)
        if self.training and not self.centred:
            self.centre_C.copy_(rooted_BTC.flatten(0, -2).mean(dim=0))
            self.centred.fill_(True)
        return rooted_BTC - self.centre_C

    def _drop_channels(self, x_BTC: Tensor) -> Tensor:
        """Drop the same channels at all timesteps of a video, so that these stay comparable."""
        every_B1C = torch.ones_like(x_BTC[:, :1])
        return x_BTC * F.dropout(every_B1C, self.dropout, self.training)


class BestMean(nn.Module):
    """Mean of each class's best logits in a video; in training over all of them at first.

    Where few timesteps are kept, evidence may be in all of them or in a few, which nobody knows: the mean over the best
    few counts as much as that over all.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.progress = 0.0

    def anneal(self, progress: float) -> None:
        """Set how much of training is done."""
        self.progress = progress

    def forward(self, logits_BTL: Tensor, open_BT: Tensor, candidates_B: Tensor) -> Tensor:
        """Logits of the videos, ``(B, L)``, of which ``open_BT`` of the candidates are there."""
        done = min(1.0, self.progress / ANNEALED_BY) if self.training else 1.0
        count_B = candidates_B * (1 - (1 - self.share) * done)
        open_B = open_BT.sum(dim=1)
        shares = (1.0,) if self.training else (1.0, FEW)
        counts = [count_B.minimum(open_B * share).round().clamp_min(1) for share in shares]
        return sum(best_mean(logits_BTL, open_BT, each_B) for each_B in counts) / len(counts)


class OnEvidence(nn.Module):
    """What selector and classifier share: evidence of its network's features, and its mean over a video."""

    @dataclass(kw_only=True)
    class Config:
        """Options.

        Attributes:
            kernels: Number of concept kernels, N.
            dropout: Share of channels dropped in training.
            share: Share of a video's timesteps over which the evidence of a class is averaged.
        """

        kernels: int = 256
        dropout: float = 0.5
        share: float = 0.1

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.evidence = Evidence(
            channels=channels, kernels=config.kernels, classes=classes, dropout=config.dropout
        )
        self.pool = BestMean(config.share)


@register("selector", "evidence")
class EvidenceSelector(OnEvidence):
    """Deals the timesteps to keep to the classes, the likelier the more, and each class takes its best."""

    @dataclass(kw_only=True)
    class Config(OnEvidence.Config, SelectorConfig):
        """As of the classifier."""

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep, and classify the videos by LightNet's features alone."""
        logits_BTL = self.evidence(light_BTC)
        video_BL = self.pool(logits_BTL, valid_BT, valid_BT.sum(dim=1))
        return Scores(
            alpha_BT=dealt(logits_BTL.detach(), video_BL.detach(), valid_BT), light_logits_BL=video_BL
        )

    def concepts(self, light_BTC: Tensor, valid_BT: Tensor) -> Tensor:
        """Similarities to the concept kernels, ``(B, T, N)``."""
        return self.evidence.concepts(light_BTC)


def dealt(logits_BTL: Tensor, video_BL: Tensor, valid_BT: Tensor) -> Tensor:
    """Score of each timestep, ``(B, T)``: the best are dealt to classes as seats are to parties (D'Hondt).

    A class with probability p gives its best timestep p, its second best p / 2, and so on, in logarithms. LightNet is
    often wrong about the class, so that all timesteps of its first guess would leave HeavyNet nothing else to say.
    """
    masked_BTL = logits_BTL.masked_fill(~valid_BT[..., None], float("-inf"))
    place_BTL = masked_BTL.argsort(dim=1, descending=True).argsort(dim=1)
    seats_BTL = video_BL.log_softmax(dim=1)[:, None] - (place_BTL + 1).log()
    return (seats_BTL + EVIDENCE_WEIGHT * logits_BTL).amax(dim=2)


@register("classifier", "evidence")
class EvidenceClassifier(OnEvidence):
    """Averages the evidence of each class over its best among the open timesteps."""

    @dataclass(kw_only=True)
    class Config(OnEvidence.Config, ClassifierConfig):
        """As of the selector."""

        loss: ClassVar[str | None] = MULTI_LABEL

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor:
        """Classify, ``(B, L)``."""
        logits_BKL = self.evidence(pad(heavy_PC, selection.open_BT))
        open_BK = pad(torch.ones_like(heavy_PC[:, 0], dtype=torch.bool), selection.open_BT)
        return self.pool(logits_BKL, open_BK, selection.valid_BT.sum(dim=1))
