"""Timesteps ranked as a heavy frame classifier would rank them, after SOSampler (BMVC 2024).

As there: the sampler learns, pair by pair, the order of the heavy classifier's confidences in the true class.
Simplified: the heavy classifier is a frame classifier on frozen features that is trained beside the sampler, not before
it, and its scores of the kept timesteps are averaged.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.selectors.plain import frame_network
from epitoma.core.registry import register
from epitoma.core.selection import Classified, Recognition, Selection
from epitoma.models.packing import pad
from epitoma.models.parts import ClassifierConfig
from epitoma.training.losses import cross_entropy


@register("classifier", "frames")
class FrameClassifier(nn.Module):
    """Classifies every open timestep by itself, and averages."""

    @dataclass(kw_only=True)
    class Config(ClassifierConfig):
        """Options.

        Attributes:
            dropout: Share of channels dropped in training.
        """

        dropout: float = 0.5

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()
        self.frames = frame_network(channels, classes, dropout=config.dropout)

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Classified:
        """Classify, and say what each timestep says."""
        logits_BKL = pad(self.frames(heavy_PC), selection.open_BT)
        mean_BL = logits_BKL.sum(dim=1) / selection.count_B[:, None]
        return Classified(logits_BL=mean_BL, extras={"frames_BKL": logits_BKL})


@register("loss", "ranking")
def ranking(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Cross-entropy of the mean, and of the order of every pair of timesteps where training sees all of them."""
    loss_B = cross_entropy(recognition, labels_BL)
    alpha_BT, frames_BTL = recognition.selection.alpha_BT, recognition.extras["frames_BKL"].detach()
    if frames_BTL.shape[1] != alpha_BT.shape[1]:
        return loss_B
    sure_BT = (frames_BTL.log_softmax(dim=2) * labels_BL[:, None]).sum(dim=2)
    ahead_BTT = sure_BT[:, :, None] > sure_BT[:, None]
    wrong_BTT = F.softplus(alpha_BT[:, None] - alpha_BT[:, :, None])
    return loss_B + (wrong_BTT * ahead_BTT).sum(dim=(1, 2)) / ahead_BTT.sum(dim=(1, 2)).clamp_min(1)
