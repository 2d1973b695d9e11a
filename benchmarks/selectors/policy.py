"""A one-step policy that picks a fixed number of timesteps at once, after OCSampler (Lin et al., CVPR 2022).

Simplified: the classifier is trained together with the policy and not before it, the reward is the probability of the
true class without a bonus for using few, and its mean over the batch of several draws a video is the baseline.
"""

import torch
from torch import Tensor, nn

from benchmarks.selectors.peer import (
    HIDDEN_CHANNELS,
    Peer,
    cross_entropy,
    frame_network,
    opened,
)
from benchmarks.selectors.recipe import Drawn
from benchmarks.selectors.videos import Videos
from epitoma.core.selection import FeatureCandidates, Selection
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.gating import top_k


class OneStepPolicy(Peer):
    """Learns by REINFORCE which timesteps, drawn without replacement, make the classifier right.

    Args:
        videos: Whose shapes to be made for.
        dropout: Of classifier and policy.
        picked: Timesteps that are drawn in training.
    """

    def __init__(self, videos: Videos, *, dropout: float, picked: int) -> None:
        super().__init__(videos, dropout=dropout)
        self.picked = picked
        self.embed = frame_network(videos.split.light_VTC.shape[2], HIDDEN_CHANNELS, dropout=dropout)
        self.context = TemporalSelfAttention(TemporalSelfAttention.Config(), channels=HIDDEN_CHANNELS)
        self.score = nn.Linear(HIDDEN_CHANNELS, 1)

    def loss(self, drawn: Drawn) -> Tensor:
        """Cross-entropy of what was picked, and the policy gradient from two draws a video."""
        score_BT = self._score(drawn.candidates)
        losses, rewards, chances = [], [], []
        for _ in range(2):
            places_BK = _drawn_without_replacement(score_BT, self.picked, drawn.generator)
            open_BT = torch.zeros_like(score_BT, dtype=torch.bool).scatter(1, places_BK, True)
            logits_BL = self.classify(drawn.candidates, opened(open_BT))
            losses.append(cross_entropy(logits_BL, drawn.labels_BL))
            rewards.append((logits_BL.detach().softmax(dim=1) * drawn.labels_BL).sum(dim=1))
            chances.append(_log_probability(score_BT, places_BK))
        reward_DB = torch.stack(rewards)
        advantage_DB = reward_DB - reward_DB.mean(dim=0)
        return torch.stack(losses).mean() - (advantage_DB * torch.stack(chances)).mean()

    def choose(self, candidates: FeatureCandidates, kept: int) -> Selection:
        """The timesteps that the policy would most like to pick."""
        with torch.no_grad():
            return opened(top_k(self._score(candidates), candidates.valid_BT, kept))

    def _score(self, candidates: FeatureCandidates) -> Tensor:
        x_BTC = self.context(self.embed(candidates.light_BTC), torch.ones_like(candidates.light_BTC[..., 0]))
        return self.score(x_BTC).squeeze(-1)


def _drawn_without_replacement(score_BT: Tensor, picked: int, generator: torch.Generator) -> Tensor:
    uniform_BT = torch.rand(score_BT.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
    gumbel_BT = -(-uniform_BT.log()).log()
    return (score_BT.detach() + gumbel_BT).topk(min(picked, score_BT.shape[1]), dim=1).indices


def _log_probability(score_BT: Tensor, places_BK: Tensor) -> Tensor:
    """Logarithm of the chance to pick these one after the other, ``(B,)``."""
    picked_BK = score_BT.gather(1, places_BK)
    gone_BT = torch.zeros_like(score_BT, dtype=torch.bool)
    chance_B = torch.zeros_like(score_BT[:, 0])
    for k in range(places_BK.shape[1]):
        chance_B = chance_B + picked_BK[:, k] - score_BT.masked_fill(gone_BT, float("-inf")).logsumexp(dim=1)
        gone_BT = gone_BT.scatter(1, places_BK[:, k : k + 1], True)
    return chance_B
