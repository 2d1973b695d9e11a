"""What the best of many may be expected to do on new videos: the luck of few videos taken out of their scores."""

from collections.abc import Sequence
from statistics import mean, variance

FEWEST = 3
LEAST_WEIGHT = 1e-3
"""Keeps the order of scores whose differences all look like luck."""


def shrunk(scores: Sequence[float], *, videos: int) -> list[float]:
    """Scores drawn towards their mean by as much of their spread as so few videos would give by chance alone.

    The best of 64 models on 80 videos is partly the luckiest, and does worse on others: of each score's distance
    to the mean that share is kept which the models' true differences have in the whole variance.

    Args:
        scores: Accuracy (or mAP, for which the chance of counted hits is only a rough guess) of comparable models.
            Fewer than three are left as they are.
        videos: On how many videos each was measured.

    Source: Efron and Morris, Data analysis using Stein's estimator and its generalizations, 1975.
    """
    if len(scores) < FEWEST:
        return list(scores)
    middle = mean(scores)
    by_chance = middle * (1 - middle) / videos
    true = max(variance(scores) - by_chance, 0.0)
    kept = max(true / (true + by_chance), LEAST_WEIGHT) if true + by_chance else 1.0
    return [middle + kept * (score - middle) for score in scores]
