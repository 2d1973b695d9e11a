"""How good the answers are, and how good the choice of timesteps was."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class MeanAveragePrecision:
    """Mean over classes of average precision, over a whole split.

    Attributes:
        value: Unweighted mean over the classes that have a positive.
        classes_without_positives: Columns left out of the mean (the official Charades script gives NaN).
    """

    value: float
    classes_without_positives: tuple[int, ...]


def accuracy(scores_VL: Tensor, labels_VL: Tensor) -> float:
    """Share of videos whose best-scored class is the label."""
    return float((scores_VL.argmax(dim=1) == labels_VL.argmax(dim=1)).float().mean())


def mean_average_precision(scores_VL: Tensor, labels_VL: Tensor) -> MeanAveragePrecision:
    """Uninterpolated average precision at the positives, as in the official Charades evaluation."""
    # Imported here, because it takes every worker process over a second that single-label runs need not spend.
    from torchmetrics.functional.classification import multilabel_average_precision

    positive_L = labels_VL.sum(dim=0) > 0
    if not positive_L.any():
        raise ValueError("mean average precision of a split without any positive label")
    kept = scores_VL[:, positive_L], labels_VL[:, positive_L].long()
    if kept[0].shape[1] == 1:
        kept = tuple(column.repeat(1, 2) for column in kept)
    ap_L = multilabel_average_precision(
        torch.sigmoid(kept[0].double()), kept[1], num_labels=kept[0].shape[1], average="none"
    )
    left_out = tuple(torch.nonzero(~positive_L).flatten().tolist())
    return MeanAveragePrecision(value=float(ap_L.mean()), classes_without_positives=left_out)


def score(scores_VL: Tensor, labels_VL: Tensor, *, multi_label: bool) -> float:
    """The dataset's own figure of merit, 0 to 1: mAP where multi-label, else accuracy."""
    if multi_label:
        return mean_average_precision(scores_VL, labels_VL).value
    return accuracy(scores_VL, labels_VL)


def selection_precision(open_VT: Tensor, evidence_VT: Tensor) -> float:
    """Share of kept timesteps whose middle frame lies in a true evidence interval; NaN if none was kept."""
    kept = int(open_VT.sum())
    return float((open_VT & evidence_VT).sum()) / kept if kept else math.nan
