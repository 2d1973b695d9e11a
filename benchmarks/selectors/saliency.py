"""Timesteps ranked by a frame classifier's confidence, after SCSampler (Korbar, Tran, Torresani, ICCV 2019).

Simplified: the ranker is trained from the labels of whole videos, pooled over each video's best timesteps, and not by
ranking clips against the heavy network's scores; the classifier learns on what the ranker keeps, which SCSampler's,
trained beforehand, does not.
"""

import torch
from torch import Tensor

from benchmarks.selectors.given import SIZES
from benchmarks.selectors.peer import Peer, cross_entropy, frame_network, opened, random_size
from benchmarks.selectors.recipe import Drawn
from benchmarks.selectors.videos import Videos
from epitoma.core.selection import FeatureCandidates, Selection
from epitoma.models.gating import top_k


class SaliencyRanking(Peer):
    """Keeps the timesteps whose largest class score is largest.

    Args:
        videos: Whose shapes to be made for.
        dropout: Of both classifiers.
        pooled: Timesteps whose scores are averaged into the video's, class by class.
    """

    def __init__(self, videos: Videos, *, dropout: float, pooled: int) -> None:
        super().__init__(videos, dropout=dropout)
        self.pooled = pooled
        classes = videos.split.labels_VL.shape[1]
        self.frames = frame_network(videos.split.light_VTC.shape[2], classes, dropout=dropout)

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy of the ranker's own guess, and of the classifier on what it keeps."""
        frame_logits_BTL = self.frames(drawn.candidates.light_BTC)
        guess_BL = frame_logits_BTL.topk(self.pooled, dim=1).values.mean(dim=1)
        kept = random_size(SIZES, drawn.candidates, drawn.generator)
        open_BT = top_k(frame_logits_BTL.amax(dim=2), drawn.candidates.valid_BT, kept)
        logits_BL = self.classify(drawn.candidates, opened(open_BT))
        return cross_entropy(guess_BL, drawn.labels_BL) + cross_entropy(logits_BL, drawn.labels_BL)

    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """The most confident timesteps."""
        with torch.no_grad():
            score_BT = self.frames(candidates.light_BTC).amax(dim=2)
        return opened(top_k(score_BT, candidates.valid_BT, kept))
