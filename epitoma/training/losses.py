"""Classification losses, one value a video, so that rejected videos can be left out exactly.

Where LightNet has logits of its own, their loss is added: they learn from the labels, and nothing else reaches them.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

from epitoma.core.registry import register, registered
from epitoma.core.selection import Recognition
from epitoma.models.parts import Loss

SINGLE_LABEL, MULTI_LABEL = "cross_entropy", "binary_cross_entropy"


@register("loss", SINGLE_LABEL)
def cross_entropy(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Softmax cross-entropy, where each video has one label."""
    label_B = labels_BL.argmax(dim=1)
    return _sum(F.cross_entropy(logits_BL, label_B, reduction="none") for logits_BL in _logits(recognition))


@register("loss", MULTI_LABEL)
def binary_cross_entropy(recognition: Recognition, labels_BL: Tensor) -> Tensor:
    """Binary cross-entropy, summed over classes: a mean over many, most of them absent, would vanish beside L0."""
    losses_BL = (
        F.binary_cross_entropy_with_logits(logits_BL, labels_BL, reduction="none")
        for logits_BL in _logits(recognition)
    )
    return _sum(loss_BL.sum(dim=1) for loss_BL in losses_BL)


def loss_of(name: str | None, *, multi_label: bool) -> Loss:
    """The loss of a name; None takes the one for the dataset's labels.

    Raises:
        ConfigError: There is none of that name.
    """
    return registered("loss", name or (MULTI_LABEL if multi_label else SINGLE_LABEL))


def _logits(recognition: Recognition) -> list[Tensor]:
    """HeavyNet's logits, and LightNet's where there are any, in float32."""
    both = (recognition.logits_BL, recognition.light_logits_BL)
    return [logits_BL.float() for logits_BL in both if logits_BL is not None]


def _sum(losses: Iterable[Tensor]) -> Tensor:
    first, *others = losses
    return sum(others, start=first)
