"""Timesteps seen one after the other until the classifier is sure, after FrameExit (Ghodrati et al., CVPR 2021).

Simplified: whether to go on is read from the classifier's confidence, with a threshold set on validation for each
budget, and not from gates that are learnt; the classifier is trained on the first timesteps of FrameExit's order
(coarse to fine over the video), any number of them. There is no light network: what is kept is what was seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.selectors.fitting import CHUNK, Fitted
from benchmarks.selectors.videos import KEPT, Videos
from epitoma.core.registry import register
from epitoma.core.selection import Scores
from epitoma.models.parts import SelectorConfig
from epitoma.models.videoepitoma import VideoEpitoma

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""How many timesteps have been seen each time that the classifier is asked."""

SURENESS = 1.0
"""Sharpness of the softmax by which confidence is read."""

APART = 100.0
"""Difference of the scores of two timesteps that follow each other, beside which noise is nothing."""


@register("selector", "coarse_to_fine")
class CoarseToFine(nn.Module):
    """Scores timesteps by their place in an order, whatever they show."""

    @dataclass(kw_only=True)
    class Config(SelectorConfig):
        """No options."""

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__()

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score the first of the order highest."""
        rank_T = coarse_to_fine(valid_BT.shape[1]).argsort()
        return Scores(alpha_BT=(-APART * rank_T).expand(valid_BT.shape))


@dataclass(frozen=True)
class EarlyExit:
    """A trained classifier that stops early.

    Attributes:
        model: Selector and classifier.
        thresholds: Confidence at which validation videos stop after so many timesteps in the mean, at most.
    """

    model: VideoEpitoma
    thresholds: Mapping[int, float]
    looks: bool = False

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores where each video stops."""
        return _stopped(*_at_every_step(self.model, videos), self.thresholds[kept])


@torch.inference_mode()
def early_exit(fitted: Fitted, validation: Videos) -> EarlyExit:
    """Set the confidences on validation."""
    logits_SVL, steps = _at_every_step(fitted.model, validation)
    return EarlyExit(fitted.model, {kept: _threshold(logits_SVL, steps, kept) for kept in KEPT})


def coarse_to_fine(timesteps: int) -> Tensor:
    """An order in which the first few timesteps are spread over the video, and later ones lie between them."""
    bits = max(1, (timesteps - 1).bit_length())
    reversed_bits = [int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits)]
    return torch.tensor([place for place in reversed_bits if place < timesteps])


def _threshold(logits_SVL: Tensor, steps: list[int], kept: int) -> float:
    """By halving: the surer a video must be, the later it stops."""
    surest = _confidence(logits_SVL).flatten().sort().values
    low, high = 0, len(surest) - 1
    while low < high:
        middle = (low + high + 1) // 2
        stops_in_time = _stopped(logits_SVL, steps, float(surest[middle]))[1] <= kept
        low, high = (middle, high) if stops_in_time else (low, middle - 1)
    return float(surest[low])


def _at_every_step(model: VideoEpitoma, videos: Videos) -> tuple[Tensor, list[int]]:
    parts = videos.split.candidates.split(CHUNK)
    steps = [step for step in STEPS if step <= videos.evidence_VT.shape[1]]
    logits = [torch.cat([model(part, budget=step).logits_BL for part in parts]) for step in steps]
    return torch.stack(logits), steps


def _confidence(logits_SVL: Tensor) -> Tensor:
    return (SURENESS * logits_SVL).softmax(dim=2).amax(dim=2)


def _stopped(logits_SVL: Tensor, steps: list[int], threshold: float) -> tuple[Tensor, float]:
    sure_SV = _confidence(logits_SVL) >= threshold
    sure_SV[-1] = True
    stop_V = sure_SV.to(torch.uint8).argmax(dim=0)
    kept = torch.tensor(steps)[stop_V].float().mean()
    return logits_SVL[stop_V, torch.arange(len(stop_V))], float(kept)
