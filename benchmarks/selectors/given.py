"""Timesteps chosen without looking: uniform, random, dense; and oracle, which is told the evidence."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.selectors.peer import Peer, cross_entropy, opened, random_size
from benchmarks.selectors.recipe import Drawn
from benchmarks.selectors.videos import Videos
from epitoma.core.sampling import uniform_subset
from epitoma.core.selection import FeatureCandidates, Selection
from epitoma.models.gating import top_k

SIZES = (1, 2, 4, 8, 16, 32, 64)


class Given(Peer):
    """A classifier that is trained on random subsets of every size, or on whole videos."""

    looks = False

    def __init__(
        self,
        videos: Videos,
        *,
        dropout: float,
        trained_on: Literal["subsets", "whole"],
        way: Literal["uniform", "random", "dense"],
    ) -> None:
        super().__init__(videos, dropout=dropout)
        self.sizes = SIZES if trained_on == "subsets" else (SIZES[-1],)
        self.way = way

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy on a random subset."""
        kept = random_size(self.sizes, drawn.candidates, drawn.generator)
        chance_BT = torch.rand(drawn.evidence_BT.shape, generator=drawn.generator)
        logits_BL = self.classify(drawn.candidates, opened(top_k(chance_BT, drawn.candidates.valid_BT, kept)))
        return cross_entropy(logits_BL, drawn.labels_BL)

    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """Evenly spread, at random, or all."""
        videos, timesteps = candidates.valid_BT.shape
        if self.way == "dense":
            return opened(candidates.valid_BT)
        if self.way == "uniform":
            even_T = torch.from_numpy(np.isin(np.arange(timesteps), uniform_subset(timesteps, kept)))
            return opened(even_T.expand(videos, -1))
        chance_BT = torch.rand(videos, timesteps, generator=torch.Generator().manual_seed(kept))
        return opened(top_k(chance_BT, candidates.valid_BT, kept))


class Oracle(Peer):
    """Trained and asked on true evidence: what a perfect choice would give."""

    looks = False

    def __init__(self, videos: Videos, *, dropout: float, sizes: tuple[int, ...]) -> None:
        super().__init__(videos, dropout=dropout)
        self.sizes = sizes

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy on some of the evidence."""
        kept = random_size(self.sizes, drawn.candidates, drawn.generator)
        chance_BT = torch.rand(drawn.evidence_BT.shape, generator=drawn.generator)
        selection = opened(top_k(chance_BT, shown_by(drawn.evidence_BT, chance_BT), kept))
        return cross_entropy(self.classify(drawn.candidates, selection), drawn.labels_BL)

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores from up to ``kept`` timesteps of evidence, spread at random over it."""
        generator = torch.Generator().manual_seed(kept)
        chance_VT = torch.rand(videos.evidence_VT.shape, generator=generator)
        selection = opened(top_k(chance_VT, shown_by(videos.evidence_VT, chance_VT), kept))
        return self.classify(videos.split.candidates, selection), float(selection.count_B.float().mean())


def shown_by(evidence_BT: Tensor, chance_BT: Tensor) -> Tensor:
    """Where a video shows what it is: its evidence, or anywhere if it has none (its label is the filler's).

    Anywhere is as often as some other video has evidence, as the number would tell the class otherwise.
    """
    count_B = evidence_BT.sum(dim=1)
    counts = count_B[count_B > 0]
    if not len(counts):
        return torch.ones_like(evidence_BT)
    borrowed_B = counts[(chance_BT[:, 0] * len(counts)).long()]
    rank_BT = chance_BT.argsort(dim=1).argsort(dim=1)
    return torch.where(count_B[:, None] > 0, evidence_BT, rank_BT < borrowed_B[:, None])
