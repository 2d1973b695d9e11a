"""Metrics: accuracy, mean average precision, and precision of the selected timesteps."""

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


def hits(scores_VL: Tensor, labels_VL: Tensor) -> Tensor:
    """Whether the class of highest score is a label of the video, bool ``(V,)``."""
    best_V1 = scores_VL.argmax(dim=1, keepdim=True)
    return labels_VL.gather(1, best_V1).squeeze(1) > 0


def accuracy(scores_VL: Tensor, labels_VL: Tensor) -> float:
    """Share of videos whose class of highest score is a label."""
    return float(hits(scores_VL, labels_VL).float().mean())


def mean_average_precision(scores_VL: Tensor, labels_VL: Tensor) -> MeanAveragePrecision:
    """Uninterpolated average precision at the positives, as in the official Charades evaluation.

    Videos with equal scores share one threshold, as in scikit-learn; the official script takes them in the order of
    its files. NaN among the scores gives NaN.

    Args:
        scores_VL: Scores of a whole split, on any scale; minus infinity ranks a video last.
        labels_VL: 1 where a video shows a class, else 0.

    Raises:
        ValueError: No video shows any class.
    """
    # Imported here, because importing it takes over a second in every worker, and single-label runs do not need it.
    from torchmetrics.functional.classification import binary_average_precision

    positive_L = labels_VL.sum(dim=0) > 0
    if not positive_L.any():
        raise ValueError("mean average precision of a split without any positive label")
    ap_L = [
        binary_average_precision(_ranks(scores_V), labels_V.long())
        for scores_V, labels_V in zip(scores_VL.T[positive_L], labels_VL.T[positive_L], strict=True)
    ]
    left_out = tuple(torch.nonzero(~positive_L).flatten().tolist())
    value = math.nan if scores_VL.isnan().any() else float(torch.stack(ap_L).mean())
    return MeanAveragePrecision(value=value, classes_without_positives=left_out)


def _ranks(scores_V: Tensor) -> Tensor:
    """Scores mapped to 0 to 1 with the same order and the same ties, float64.

    torchmetrics takes probabilities, and applies a sigmoid to other scores, which would turn all large scores into
    ties at 1.
    """
    distinct, place_V = torch.unique(scores_V, return_inverse=True)
    return place_V.double() / len(distinct)


def score(scores_VL: Tensor, labels_VL: Tensor, *, multi_label: bool) -> float:
    """Metric of the dataset, 0 to 1: mAP where it is multi-label, else accuracy."""
    if multi_label:
        return mean_average_precision(scores_VL, labels_VL).value
    return accuracy(scores_VL, labels_VL)


def selection_precision(open_VT: Tensor, evidence_VT: Tensor) -> float:
    """Share of kept timesteps whose middle frame lies in a true evidence interval; NaN if none was kept."""
    kept = int(open_VT.sum())
    return float((open_VT & evidence_VT).sum()) / kept if kept else math.nan
