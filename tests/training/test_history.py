"""What a run's history says."""

import pytest

from epitoma.training.history import kept_start, validations_without_progress

Validated = tuple[float, float, int]
"""Score, timesteps kept, and the epoch that is kept."""


def history(validated: list[Validated]) -> list[dict[str, float]]:
    """Every other epoch is validated."""
    rows: list[dict[str, float]] = []
    for number, (score, timesteps, best) in enumerate(validated):
        told = {"validation/score": score, "validation/timesteps": timesteps, "validation/best_epoch": best}
        rows += [{"epoch": 2 * number, **told}, {"epoch": 2 * number + 1}]
    return rows


@pytest.mark.parametrize(
    ("validated", "prefers_sparse", "without"),
    [
        ([], False, 0),
        ([(0.5, 4, 0)], False, 0),
        ([(0.5, 4, 0), (0.5, 4, 2), (0.5, 4, 4)], False, 2),  # The later of two is kept, and is no progress.
        ([(0.5, 4, 0), (0.6, 9, 2), (0.55, 1, 2)], False, 1),
        ([(0.4, 4, -1), (0.5, 4, -1), (0.6, 4, -1)], False, 0),  # Not yet at its start, but on the way.
        ([(0.4, 4, -1), (0.3, 4, -1)], False, 1),
        ([(0.9, 20, 0), (0.9, 12, 2), (0.89, 8, 4)], True, 0),  # As good, and sparser.
        ([(0.9, 20, 0), (0.9, 20, 2), (0.9, 24, 2)], True, 2),
        ([(0.4, 3, 0), (0.9, 20, 2), (0.9, 17, 4)], True, 0),  # What was sparser yet was not as good.
        ([(0.9, 20, 0), (0.5, 2, 0), (0.5, 1, 0)], True, 2),  # Sparser, but not as good.
        ([(0.6, 4, 0), (0.61, 8, 0), (0.62, 8, 0)], True, 0),  # The first is kept, and scores still rise.
    ],
)
def test_validations_without_progress_are_counted(validated, prefers_sparse, without):
    assert validations_without_progress(history(validated), prefers_sparse=prefers_sparse) == without


def test_a_start_was_kept_where_no_epoch_was():
    assert kept_start(history([(0.92, 9, -1), (0.5, 4, -1)]))
    assert not kept_start(history([(0.4, 9, -1), (0.5, 4, 2)]))
    assert not kept_start([])
