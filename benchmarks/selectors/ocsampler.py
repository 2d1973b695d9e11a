"""A one-step policy that picks a fixed number of timesteps at once, after OCSampler (Lin et al., CVPR 2022).

As there: the reward is the classifier's confidence in the true class on what was picked, less that on as many uniform
timesteps, with an entropy bonus of 0.1. Simplified: the classifier learns on both together with the policy, and is not
trained beforehand; nothing is paid for using fewer timesteps.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.selectors.draws import at_places, draw, entropy, log_probability
from benchmarks.selectors.plain import PlainClassifier
from epitoma.core.registry import register
from epitoma.core.sampling import uniform_subset
from epitoma.core.selection import Classified, Recognition, Selection
from epitoma.models.packing import pack, pad
from epitoma.models.videoepitoma import selection_from_mask
from epitoma.training.losses import cross_entropy

ENTROPY_BONUS = 0.1


@register("classifier", "ocsampler")
class PickingClassifier(PlainClassifier):
    """In training, sees all timesteps, and classifies by those that it draws and by uniform ones."""

    @dataclass(kw_only=True)
    class Config(PlainClassifier.Config):
        """Options.

        Attributes:
            picked: Timesteps of a draw.
        """

        picked: int = 8

    def __init__(self, config: Config, *, channels: int, classes: int) -> None:
        super().__init__(config, channels=channels, classes=classes)
        self.picked = config.picked

    def forward(self, heavy_PC: Tensor, selection: Selection) -> Tensor | Classified:
        """Classify; in training with what the policy's loss needs."""
        if not self.training:
            return super().forward(heavy_PC, selection)
        heavy_BTC, valid_BT = pad(heavy_PC, selection.open_BT), selection.valid_BT
        places_BK = draw(selection.alpha_BT, valid_BT, self.picked)
        uniform_K = torch.from_numpy(uniform_subset(valid_BT.shape[1], self.picked))
        asked = (at_places(places_BK, valid_BT), at_places(uniform_K.expand(len(valid_BT), -1), valid_BT))
        picked_BL, uniform_BL = (self._of(heavy_BTC, open_BT, valid_BT) for open_BT in asked)
        chance_B = log_probability(selection.alpha_BT, places_BK)
        extras = {"uniform_BL": uniform_BL, "chance_B": chance_B, "entropy_B": entropy(selection.alpha_BT)}
        return Classified(logits_BL=picked_BL, extras=extras)

    def _of(self, heavy_BTC: Tensor, open_BT: Tensor, valid_BT: Tensor) -> Tensor:
        return super().forward(pack(heavy_BTC, open_BT), selection_from_mask(open_BT, valid_BT))


@register("loss", "ocsampler")
def ocsampler(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Cross-entropy of both draws, and the policy gradient; at inference that of what was kept alone."""
    label_B = labels_BL.argmax(dim=1)
    loss_B = cross_entropy(recognition, labels_BL)
    if not recognition.extras:
        return loss_B
    uniform_BL = recognition.extras["uniform_BL"]
    sure_B, uniform_sure_B = (_sure(logits_BL, label_B) for logits_BL in (recognition.logits_BL, uniform_BL))
    policy_B = (sure_B - uniform_sure_B) * recognition.extras["chance_B"]
    bonus_B = ENTROPY_BONUS * recognition.extras["entropy_B"]
    return loss_B + F.cross_entropy(uniform_BL, label_B, reduction="none") - policy_B - bonus_B


def _sure(logits_BL: Tensor, label_B: Tensor) -> Tensor:
    return logits_BL.detach().softmax(dim=1).gather(1, label_B[:, None]).squeeze(1)
