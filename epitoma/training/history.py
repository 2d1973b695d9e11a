"""A run's history: the file that holds it, and what can be read from it."""

from collections.abc import Mapping, Sequence

HISTORY = "history.json"
"""File in a run's folder with the metrics of its epochs."""

SCORE = "validation/score"
"""Metric by which epochs are compared."""


def kept_start(epochs: Sequence[Mapping[str, float]], *, start_score: float | None) -> bool:
    """Whether no epoch was as good as the model that training started from, which was then kept.

    Args:
        epochs: Metrics of each epoch; not all were validated.
        start_score: Validation score of that model; None where training started from none.
    """
    scores = [row[SCORE] for row in epochs if SCORE in row]
    return start_score is not None and bool(scores) and max(scores) < start_score
