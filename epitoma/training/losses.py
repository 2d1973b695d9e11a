"""Classification losses, one value a video, so that rejected videos can be left out exactly."""

import torch.nn.functional as F
from torch import Tensor


def classification_loss(logits_BL: Tensor, labels_BL: Tensor, *, multi_label: bool) -> Tensor:
    """Loss of each video, ``(B,)``.

    Args:
        logits_BL: Class logits.
        labels_BL: Multi-hot labels; exactly one 1 a row where single-label.
        multi_label: Binary cross-entropy averaged over classes instead of softmax cross-entropy.
    """
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits_BL, labels_BL, reduction="none").mean(dim=1)
    return F.cross_entropy(logits_BL, labels_BL.argmax(dim=1), reduction="none")
