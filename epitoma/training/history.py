"""A run's history: the file that holds it, and what can be read from it."""

import math
from collections.abc import Mapping, Sequence

HISTORY = "history.json"
"""File in a run's folder with the metrics of its epochs."""

SCORE = "validation/score"
"""Metric by which epochs are compared."""


BEST = "validation/best_epoch"
"""Metric with the number of the epoch whose model is kept so far."""

TIMESTEPS = "validation/timesteps"
"""Metric with the timesteps that were kept of a validation video."""

START_EPOCH = -1
"""Number of the model that training started from."""


def kept_start(epochs: Sequence[Mapping[str, float]]) -> bool:
    """Whether no epoch was better than the model that training started from, which was then kept.

    Args:
        epochs: Metrics of each epoch; not all were validated.
    """
    kept = [row[BEST] for row in epochs if BEST in row]
    return bool(kept) and kept[-1] == START_EPOCH


def validations_without_progress(epochs: Sequence[Mapping[str, float]], *, prefers_sparse: bool) -> int:
    """Validations since the last one that was progress: the highest score of training so far.

    What training started from does not count: its score may be reached again only after a while.

    Args:
        epochs: Metrics of each epoch; not all were validated.
        prefers_sparse: An epoch that is kept, and keeps fewer timesteps than the one that was kept before, is progress
            too.
    """
    top, kept, since = -math.inf, math.inf, 0
    for row in (row for row in epochs if SCORE in row):
        is_kept = row[BEST] == row["epoch"]
        is_progress = row[SCORE] > top or (prefers_sparse and is_kept and row[TIMESTEPS] < kept)
        since = 0 if is_progress else since + 1
        top = max(top, row[SCORE])
        kept = row[TIMESTEPS] if is_kept else kept
    return since
