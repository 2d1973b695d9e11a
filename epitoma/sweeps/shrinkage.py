"""Shrinkage: expected scores on new videos, by moving scores from few videos towards their mean."""

from collections.abc import Sequence
from statistics import mean, variance

FEWEST = 3
"""Fewest scores from which a variance is estimated."""

LEAST_WEIGHT = 1e-3
"""Smallest share of a distance that is kept, so that scores keep their order where all differences look like chance."""


def shrink_to_mean(scores: Sequence[float], *, videos: int) -> list[float]:
    """Shrink scores towards their mean by the share of their variance that is due to chance.

    The best of 64 models on 80 videos is partly the luckiest and does worse on other videos. Of each score's distance
    to the mean, the share is kept that true differences between the models have in the whole variance.

    Args:
        scores: Accuracy of comparable models (or mAP, for which the binomial variance is only a rough estimate).
            Fewer than three are returned unchanged.
        videos: Number of videos that each was measured on.

    Source: Efron and Morris, Data analysis using Stein's estimator and its generalizations, 1975.
    """
    if len(scores) < FEWEST:
        return list(scores)
    middle = mean(scores)
    # Variance of a share of hits over that many videos (binomial).
    by_chance = middle * (1 - middle) / videos
    true = max(variance(scores) - by_chance, 0.0)
    kept = max(true / (true + by_chance), LEAST_WEIGHT) if true + by_chance else 1.0
    return [middle + kept * (score - middle) for score in scores]
