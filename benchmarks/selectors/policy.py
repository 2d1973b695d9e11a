"""A one-step policy that picks a fixed number of timesteps at once, after OCSampler (Lin et al., CVPR 2022).

Simplified: the classifier is trained together with the policy and not before it; the reward is the probability of the
true class without a bonus for using few, less its mean over the batch; picks are drawn with the project's noise.
"""

import torch
from torch import Tensor

from benchmarks.selectors.attention import AttentionScores
from epitoma.core.registry import register
from epitoma.core.selection import Recognition, Scores
from epitoma.models.gating import BUDGET_NOISE
from epitoma.training.losses import cross_entropy


@register("selector", "policy")
class Policy(AttentionScores):
    """The network of soft attention, whose scores are the policy's preferences."""

    class Config(AttentionScores.Config):
        """As of soft attention."""

    def forward(self, light_BTC: Tensor, valid_BT: Tensor) -> Scores:
        """Score every timestep, on the scale at which the noise of training makes a draw of them."""
        return Scores(alpha_BT=BUDGET_NOISE * super().forward(light_BTC, valid_BT).alpha_BT)


@register("loss", "reinforce")
def reinforce(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Cross-entropy of what was picked, and the policy gradient."""
    selection = recognition.selection
    reward_B = (recognition.logits_BL.detach().softmax(dim=1) * labels_BL).sum(dim=1)
    count = int(selection.count_B.min())
    places_BK = selection.gate_BT.detach().topk(count, dim=1).indices
    chance_B = log_probability(selection.alpha_BT / BUDGET_NOISE, places_BK)
    return cross_entropy(recognition, labels_BL) - (reward_B - reward_B.mean()) * chance_B


def log_probability(score_BT: Tensor, places_BK: Tensor) -> Tensor:
    """Logarithm of the chance to pick these one after the other, ``(B,)``."""
    picked_BK = score_BT.gather(1, places_BK)
    gone_BT = torch.zeros_like(score_BT, dtype=torch.bool)
    chance_B = torch.zeros_like(score_BT[:, 0])
    for k in range(places_BK.shape[1]):
        chance_B = chance_B + picked_BK[:, k] - score_BT.masked_fill(gone_BT, float("-inf")).logsumexp(dim=1)
        gone_BT = gone_BT.scatter(1, places_BK[:, k : k + 1], True)
    return chance_B
