"""Timesteps seen one after the other until the classifier is sure, after FrameExit (Ghodrati et al., CVPR 2021).

Simplified: whether to go on is read from the classifier's confidence, with a threshold set on validation for each
budget, and not from gates that are learnt; the classifier is trained on the first timesteps of FrameExit's order
(coarse to fine over the video), any number of them. There is no light network: what is kept is what was seen.
"""

import torch
from torch import Tensor

from benchmarks.selectors.given import SIZES
from benchmarks.selectors.peer import CHUNK, Peer, cross_entropy, opened, random_size
from benchmarks.selectors.recipe import Drawn
from benchmarks.selectors.videos import KEPT, Videos
from epitoma.core.selection import FeatureCandidates, Selection

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""How many timesteps have been seen each time that the classifier is asked."""


class EarlyExit(Peer):
    """A classifier that may stop early.

    Args:
        videos: Whose shapes to be made for.
        dropout: Of the classifier.
        sureness: Sharpness of the softmax by which confidence is read.
    """

    looks = False

    def __init__(self, videos: Videos, *, dropout: float, sureness: float) -> None:
        super().__init__(videos, dropout=dropout)
        self.sureness = sureness
        self.thresholds: dict[int, float] = {}

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy after a random number of timesteps."""
        kept = random_size(SIZES, drawn.candidates, drawn.generator)
        logits_BL = self.classify(drawn.candidates, self.choose(drawn.candidates, kept))
        return cross_entropy(logits_BL, drawn.labels_BL)

    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """The first timesteps of the order."""
        rank_T = coarse_to_fine(candidates.valid_BT.shape[1]).argsort()
        return opened((rank_T < kept).expand(len(candidates.valid_BT), -1))

    def settle(self, validation: Videos) -> None:
        """Set the confidence at which videos of validation stop after so many timesteps on average, at most."""
        logits_SVL, steps = self._at_every_step(validation)
        self.thresholds = {kept: self._threshold(logits_SVL, steps, kept) for kept in KEPT}

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores where each video stops."""
        return self._stopped(*self._at_every_step(videos), self.thresholds[kept])

    def _threshold(self, logits_SVL: Tensor, steps: list[int], kept: int) -> float:
        """By halving: the surer a video must be, the later it stops."""
        surest = self._confidence(logits_SVL).flatten().sort().values
        low, high = 0, len(surest) - 1
        while low < high:
            middle = (low + high + 1) // 2
            stops_in_time = self._stopped(logits_SVL, steps, float(surest[middle]))[1] <= kept
            low, high = (middle, high) if stops_in_time else (low, middle - 1)
        return float(surest[low])

    def _at_every_step(self, videos: Videos) -> tuple[Tensor, list[int]]:
        parts = videos.split.candidates.split(CHUNK)
        steps = [step for step in STEPS if step <= videos.evidence_VT.shape[1]]
        logits = [
            torch.cat([self.classify(part, self.choose(part, step)) for part in parts]) for step in steps
        ]
        return torch.stack(logits), steps

    def _confidence(self, logits_SVL: Tensor) -> Tensor:
        return (self.sureness * logits_SVL).softmax(dim=2).amax(dim=2)

    def _stopped(self, logits_SVL: Tensor, steps: list[int], threshold: float) -> tuple[Tensor, float]:
        sure_SV = self._confidence(logits_SVL) >= threshold
        sure_SV[-1] = True
        stop_V = sure_SV.to(torch.uint8).argmax(dim=0)
        kept = torch.tensor(steps)[stop_V].float().mean()
        return logits_SVL[stop_V, torch.arange(len(stop_V))], float(kept)


def coarse_to_fine(timesteps: int) -> Tensor:
    """An order in which the first few timesteps are spread over the video, and later ones lie between them."""
    bits = max(1, (timesteps - 1).bit_length())
    reversed_bits = [int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits)]
    return torch.tensor([place for place in reversed_bits if place < timesteps])
