"""A run's history: the file that holds it, and what can be read from it."""

from collections.abc import Mapping, Sequence

HISTORY = "history.json"
"""File in a run's folder with the metrics of its epochs."""

SCORE = "validation/score"
"""Metric by which epochs are compared."""


BEST = "validation/best_epoch"
"""Metric with the number of the epoch whose model is kept so far."""

START_EPOCH = -1
"""Number of the model that training started from."""


def kept_start(epochs: Sequence[Mapping[str, float]]) -> bool:
    """Whether no epoch was better than the model that training started from, which was then kept.

    Args:
        epochs: Metrics of each epoch; not all were validated.
    """
    kept = [row[BEST] for row in epochs if BEST in row]
    return bool(kept) and kept[-1] == START_EPOCH
