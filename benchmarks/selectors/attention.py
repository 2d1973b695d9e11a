"""Soft attention over light features, hardened to the best timesteps when asked (as in attention-based pooling).

Training weighs every timestep by the attention, which costs the heavy network on all of them; asked for a number, it
keeps the highest weights. This is the usual alternative to gates: nothing in training makes it choose.
"""

import torch
from torch import Tensor, nn

from benchmarks.selectors.peer import HIDDEN_CHANNELS, Peer, cross_entropy, frame_network
from benchmarks.selectors.recipe import Drawn
from benchmarks.selectors.videos import Videos
from epitoma.core.selection import FeatureCandidates, Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.gating import top_k


class SoftAttention(Peer):
    """Attention by a context of light features.

    Args:
        videos: Whose shapes to be made for.
        dropout: Of classifier and attention.
        sharpness: What scores are multiplied with before the softmax.
    """

    def __init__(self, videos: Videos, *, dropout: float, sharpness: float) -> None:
        super().__init__(videos, dropout=dropout)
        self.sharpness = sharpness
        self.embed = frame_network(videos.split.light_VTC.shape[2], HIDDEN_CHANNELS, dropout=dropout)
        self.context = TemporalSelfAttention(TemporalSelfAttention.Config(), channels=HIDDEN_CHANNELS)
        self.score = nn.Linear(HIDDEN_CHANNELS, 1)

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy of the whole video, weighed."""
        kept = drawn.candidates.valid_BT.shape[1]
        selection = self.choose(drawn.candidates, kept)
        return cross_entropy(self.classify(drawn.candidates, selection), drawn.labels_BL)

    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """The timesteps of the largest weights, which they keep."""
        ones_BT = torch.ones_like(candidates.light_BTC[..., 0])
        x_BTC = self.context(self.embed(candidates.light_BTC), ones_BT)
        score_BT = self.sharpness * self.score(x_BTC).squeeze(-1)
        weight_BT = score_BT.softmax(dim=1).clamp_min(1e-9) * top_k(score_BT, candidates.valid_BT, kept)
        return Selection(
            alpha_BT=score_BT,
            worth_BT=score_BT,
            gate_BT=weight_BT / weight_BT.amax(dim=1, keepdim=True),
            open_probability_BT=ones_BT,
            valid_BT=candidates.valid_BT,
        )
